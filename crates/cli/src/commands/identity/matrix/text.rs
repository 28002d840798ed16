//! The matrix for a terminal: what is reached as rows, namespaces as columns, as many beside each other as fit.

use std::fmt::Write as _;

use identity::Acting;
use identity::matrix::{Cell, Column, ColumnKind, Matrix, Reach, Row};

/// Tables wider than this go on below.
const WIDTH: usize = 110;

/// What the columns of a kind are called together.
pub(super) fn kind_title(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Project => "projects",
        ColumnKind::Bucket => "buckets",
        ColumnKind::VertexEndpoint => "endpoints of Vertex AI",
        ColumnKind::Service => "services in the cluster",
    }
}

/// A namespace, with its environments where there are several, and the labels of its pods.
pub(super) fn row_title(row: &Row, matrix: &Matrix) -> String {
    let is_alone = matrix.rows.iter().all(|other| other.environments == row.environments);
    match is_alone {
        true => short_title(row),
        false => format!("{}:{}", row.environments.join("+"), short_title(row)),
    }
}

fn short_title(row: &Row) -> String {
    head(row, |name| name).join(" ")
}

/// A namespace, and below it the labels of its pods.
pub(super) fn head<'r>(row: &'r Row, shown: impl Fn(&'r str) -> &'r str) -> Vec<String> {
    let mut lines = vec![row.namespace.clone()];
    if row.is_unlabelled() {
        lines.push("(no labels)".to_owned());
    } else {
        lines.extend(
            row.labels
                .iter()
                .map(|(name, value)| format!("{}={value}", shown(name))),
        );
    }
    lines
}

/// The name of a label without its domain.
pub(super) fn undomained(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// What is reached, with its cluster where there are several.
pub(super) fn column_title(column: &Column) -> String {
    match &column.cluster {
        Some(cluster) => format!("{cluster}:{}", column.name),
        None => column.name.clone(),
    }
}

/// A cell in a word or two.
pub(super) fn cell_text(cell: &Cell) -> String {
    let word = match cell.reach {
        Reach::Denied => "-",
        Reach::Apart => "",
        Reach::Unknown => "?",
        reach => reach.word(),
    };
    let mut text = word.to_owned();
    if cell.too_broad.is_some() {
        text.push('!');
    }
    if cell.condition.is_some() {
        text.push_str(" if");
    }
    if cell.reach > Reach::Unknown && !cell.doubts.is_empty() {
        text.push_str(" ?");
    }
    text
}

/// Why a cell is what it is.
pub(super) fn why(cell: &Cell) -> String {
    let mut parts = Vec::new();
    if let Some(by) = &cell.by {
        let mut part = by.account.short();
        for link in &by.links {
            let how = match link.acting {
                Acting::Token => "acting as",
                Acting::Launch => "launching as",
                Acting::Delegation => "asking through",
            };
            let _ = write!(part, ", {how} {}", link.account.short());
        }
        let _ = write!(part, ", by {} on {}", by.grant.role, by.grant.on.short());
        let last = by.links.last().map_or(&by.account, |link| &link.account);
        if by.grant.member != *last {
            let _ = write!(part, " for {}", by.grant.member.short());
        }
        parts.push(part);
    }
    parts.extend(cell.too_broad.map(|why| format!("too broad: {why}")));
    parts.extend(cell.condition.iter().map(|condition| format!("while {condition}")));
    parts.extend(cell.why.clone());
    parts.extend(cell.doubts.iter().map(|doubt| format!("unknown: {doubt}")));
    parts.join("; ")
}

pub(super) fn render(matrix: &Matrix, shows_why: bool) -> String {
    let mut out = String::new();
    if matrix.rows.is_empty() || matrix.columns.is_empty() {
        return "the trees have no namespaces with service accounts, or nothing that these could reach\n".to_owned();
    }
    let heads: Vec<Vec<String>> = matrix.rows.iter().map(|row| head(row, undomained)).collect();
    let first = matrix
        .columns
        .iter()
        .map(|column| column.name.chars().count() + 2)
        .max()
        .unwrap_or(0);
    let width_of = |at: usize| {
        let cells = matrix.cells[at].iter().map(|cell| cell_text(cell).chars().count());
        let head = heads[at].iter().map(|line| line.chars().count());
        cells.chain(head).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width_of).collect();
    let mut from = 0;
    while from < heads.len() {
        // The namespaces of a cluster stand together.
        let mut to = from;
        let mut width = first;
        let is_beside = |to: usize| matrix.rows[to].is_beside(&matrix.rows[from]);
        while to < heads.len() && is_beside(to) && (to == from || width + widths[to] + 2 <= WIDTH) {
            width += widths[to] + 2;
            to += 1;
        }
        if from > 0 {
            out.push('\n');
        }
        block(&mut out, matrix, &heads, &widths, first, from..to);
        from = to;
    }
    out.push_str("\n-  denied   ?  nobody can tell   !  by a role that is too broad   if  under a condition\n");
    if shows_why {
        reasons(&mut out, matrix);
    }
    out
}

/// Some namespaces beside each other.
fn block(
    out: &mut String,
    matrix: &Matrix,
    heads: &[Vec<String>],
    widths: &[usize],
    first: usize,
    rows: std::ops::Range<usize>,
) {
    let height = rows.clone().map(|at| heads[at].len()).max().unwrap_or(0);
    for line in 0..height {
        let place = if line == 0 {
            matrix.rows[rows.start].environments.join(", ")
        } else {
            String::new()
        };
        let mut text = format!("{place:first$}");
        for at in rows.clone() {
            let part = heads[at].get(line).map_or("", String::as_str);
            let _ = write!(text, "  {part:width$}", width = widths[at]);
        }
        let _ = writeln!(out, "{}", text.trim_end());
    }
    let mut kind = None;
    for (number, column) in matrix.columns.iter().enumerate() {
        let is_empty = |at: usize| matrix.cells[at][number].reach == Reach::Apart;
        if rows.clone().all(is_empty) {
            continue;
        }
        if kind.replace(column.kind) != Some(column.kind) {
            let _ = writeln!(out, "{}", kind_title(column.kind));
        }
        let mut line = format!("{:first$}", format!("  {}", column.name));
        for at in rows.clone() {
            let _ = write!(
                line,
                "  {:width$}",
                cell_text(&matrix.cells[at][number]),
                width = widths[at]
            );
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn reasons(out: &mut String, matrix: &Matrix) {
    for at in 0..matrix.rows.len() {
        let _ = writeln!(out, "\n{}", row_title(&matrix.rows[at], matrix));
        let told = |(column, cell): (&Column, &Cell)| {
            (cell.reach != Reach::Apart).then(|| {
                let word = match cell_text(cell).as_str() {
                    "-" => "denied".to_owned(),
                    "?" => "unknown".to_owned(),
                    text => text.to_owned(),
                };
                format!("  {}: {word}\n      {}", column.name, why(cell))
            })
        };
        for line in matrix.columns.iter().zip(&matrix.cells[at]).filter_map(told) {
            let _ = writeln!(out, "{line}");
        }
    }
}
