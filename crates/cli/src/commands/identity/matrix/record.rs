//! The matrix for programs: each cell with its reasons.

use identity::Acting;
use identity::matrix::{By, Matrix};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct MatrixRecord<'m> {
    namespaces: Vec<RowRecord<'m>>,
    reached: Vec<ColumnRecord<'m>>,
    cells: Vec<CellRecord<'m>>,
}

#[derive(Serialize)]
struct RowRecord<'m> {
    environments: &'m [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'m str>,
    namespace: &'m str,
    /// What tells these pods from others of the namespace; absent where all are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<std::collections::BTreeMap<&'m str, &'m str>>,
    accounts: &'m [String],
}

#[derive(Serialize)]
struct ColumnRecord<'m> {
    kind: &'static str,
    name: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'m str>,
}

/// The positions of the namespace and of what is reached, in their lists.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CellRecord<'m> {
    namespace: usize,
    reached: usize,
    reach: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    too_broad: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<ByRecord<'m>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'m str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    doubts: &'m [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ByRecord<'m> {
    account: String,
    /// The accounts on the way, in order.
    acts_as: Vec<String>,
    /// Those of them that are no account whose token is taken, but one that what is launched runs as.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    launches_as: Vec<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    permission: &'m str,
    role: &'m str,
    resource: &'m str,
    member: String,
}

pub(super) fn record(matrix: &Matrix) -> MatrixRecord<'_> {
    let namespaces = matrix.rows.iter().map(|row| RowRecord {
        environments: &row.environments,
        cluster: row.cluster.as_deref(),
        namespace: &row.namespace,
        labels: (!row.labels.is_empty()).then(|| {
            let labels = row.labels.iter().filter(|(name, _)| !name.is_empty());
            labels.map(|(name, value)| (name.as_str(), value.as_str())).collect()
        }),
        accounts: &row.accounts,
    });
    let reached = matrix.columns.iter().map(|column| ColumnRecord {
        kind: column.kind.word(),
        name: &column.name,
        cluster: column.cluster.as_deref(),
    });
    let cells = matrix.cells.iter().enumerate().flat_map(|(namespace, cells)| {
        cells.iter().enumerate().map(move |(reached, cell)| CellRecord {
            namespace,
            reached,
            reach: cell.reach.word(),
            condition: cell.condition.as_deref(),
            too_broad: cell.too_broad,
            by: cell.by.as_ref().map(by),
            why: cell.why.as_deref(),
            doubts: &cell.doubts,
        })
    });
    MatrixRecord {
        namespaces: namespaces.collect(),
        reached: reached.collect(),
        cells: cells.collect(),
    }
}

fn by(by: &By) -> ByRecord<'_> {
    ByRecord {
        account: by.account.to_string(),
        acts_as: by.links.iter().map(|link| link.account.to_string()).collect(),
        launches_as: {
            let launched = by.links.iter().filter(|link| link.acting == Acting::Launch);
            launched.map(|link| link.account.to_string()).collect()
        },
        permission: &by.permission,
        role: &by.grant.role,
        resource: by.grant.on.as_str(),
        member: by.grant.member.to_string(),
    }
}
