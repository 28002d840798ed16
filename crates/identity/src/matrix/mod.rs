//! Which namespaces reach which projects, buckets and endpoints, as a table: the isolation of namespaces, and of the
//! labels that NetworkPolicies select by.
//!
//! What is reached on Google Cloud is what the [`Reasoner`](crate::Reasoner) decides for each service account of a
//! namespace, of its cluster's pool or another one, and for whom it may act as or launch something as; what is reached in a cluster is what [`Network`](crate::network::Network) says.

mod cloud;
mod cluster;

use crate::decide::Grant;
use crate::explain::Link;
use crate::landscape::Landscape;
use crate::member::Member;
use crate::name::ResourceName;

/// Rows, columns, and a cell for each pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    pub rows: Vec<Row>,
    pub columns: Vec<Column>,
    /// By row, then by column.
    pub cells: Vec<Vec<Cell>>,
}

/// A namespace, or some of its pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The environments whose trees are in the namespace.
    pub environments: Vec<String>,
    /// The cluster, as far as it has a name.
    pub cluster: Option<String>,
    pub namespace: String,
    /// The labels that tell these pods from others of the namespace; none for all of them.
    pub labels: Vec<(String, String)>,
    /// The service accounts, by name.
    pub accounts: Vec<String>,
    /// The environments of one cluster are one place.
    place: (bool, String),
    /// The trees that are in it.
    trees: Vec<usize>,
}

/// Something that is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub kind: ColumnKind,
    pub name: String,
    /// Of a service: its cluster, or for want of its name its environment, where there are several.
    pub cluster: Option<String>,
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ColumnKind {
    Project,
    Bucket,
    /// All endpoints of Vertex AI in a project, or one.
    VertexEndpoint,
    /// A service of a cluster.
    Service,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Resource(ResourceName),
    Service { place: (bool, String), at: usize },
}

/// How far something is reached, in rising order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reach {
    #[default]
    Denied,
    /// It is in another cluster, and NetworkPolicies say nothing of it.
    Apart,
    Unknown,
    /// An endpoint may be called, a service reached.
    Call,
    Read,
    Write,
    /// Its grants may be changed, or all of it.
    Admin,
}

/// What one row reaches of one column, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    pub reach: Reach,
    /// Only under a condition.
    pub condition: Option<String>,
    /// Why the grant is more than anybody should have.
    pub too_broad: Option<&'static str>,
    /// Of what is granted: who has it and the chain that leads there.
    pub by: Option<By>,
    /// Why it is denied or open, where no grant says it.
    pub why: Option<String>,
    /// What would have to be known: it may reach further.
    pub doubts: Vec<String>,
}

/// The account of a namespace that reaches something, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    pub account: Member,
    pub links: Vec<Link>,
    pub permission: String,
    pub grant: Grant,
}

impl Reach {
    pub fn word(self) -> &'static str {
        match self {
            Reach::Denied => "denied",
            Reach::Apart => "apart",
            Reach::Unknown => "unknown",
            Reach::Call => "call",
            Reach::Read => "read",
            Reach::Write => "write",
            Reach::Admin => "admin",
        }
    }
}

impl ColumnKind {
    pub fn word(self) -> &'static str {
        match self {
            ColumnKind::Project => "project",
            ColumnKind::Bucket => "bucket",
            ColumnKind::VertexEndpoint => "vertexEndpoint",
            ColumnKind::Service => "service",
        }
    }
}

impl Matrix {
    /// The matrix of all trees.
    pub fn new(landscape: &Landscape<'_>) -> Matrix {
        let clusters = cluster::clusters(landscape);
        let rows = cluster::rows(landscape, &clusters);
        let mut columns = cloud::columns(landscape);
        columns.extend(cluster::columns(&clusters));
        let cells = rows.iter().map(|row| {
            let actors = cloud::actors(landscape, row);
            let cell = |column: &Column| match &column.target {
                Target::Resource(name) => cloud::cell(landscape, &actors, column.kind, name),
                Target::Service { place, at } => cluster::cell(&clusters, row, place, *at),
            };
            columns.iter().map(cell).collect()
        });
        Matrix {
            cells: cells.collect(),
            rows,
            columns,
        }
    }
}
