//! The matrix as a table of other programs: with commas, in Markdown, as a page.

use identity::matrix::{Cell, Matrix, Reach};

use super::text::{cell_text, column_title, head, kind_title, row_title, undomained, why};
use crate::report::escape::markup;
use crate::report::page::styled;

/// One line for each thing that is reached, one column for each namespace.
pub(super) fn csv(matrix: &Matrix) -> String {
    let heads = matrix.rows.iter().map(|row| row_title(row, matrix));
    let mut out = line(["kind".to_owned(), "name".to_owned()].into_iter().chain(heads));
    for (number, column) in matrix.columns.iter().enumerate() {
        let cells = matrix.cells.iter().map(|row| match row[number].reach {
            Reach::Apart => String::new(),
            Reach::Denied => "denied".to_owned(),
            Reach::Unknown => "unknown".to_owned(),
            _ => cell_text(&row[number]),
        });
        out.push_str(&line(
            [column.kind.word().to_owned(), column_title(column)]
                .into_iter()
                .chain(cells),
        ));
    }
    out
}

/// RFC 4180. What a spreadsheet would take for a formula begins with a quote.
fn line(fields: impl Iterator<Item = String>) -> String {
    let field = |field: String| {
        let field = if field.starts_with(['=', '+', '-', '@']) {
            format!("'{field}")
        } else {
            field
        };
        match field.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", field.replace('"', "\"\"")),
            false => field,
        }
    };
    format!("{}\r\n", fields.map(field).collect::<Vec<_>>().join(","))
}

pub(super) fn markdown(matrix: &Matrix) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('|', "\\|");
    let heads: Vec<String> = matrix.rows.iter().map(|row| escaped(&row_title(row, matrix))).collect();
    let mut out = format!("| | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    let mut kind = None;
    for (number, column) in matrix.columns.iter().enumerate() {
        if kind.replace(column.kind) != Some(column.kind) {
            out.push_str(&format!(
                "| **{}** |{}\n",
                kind_title(column.kind),
                " |".repeat(heads.len())
            ));
        }
        let cells: Vec<String> = matrix.cells.iter().map(|row| cell_text(&row[number])).collect();
        out.push_str(&format!(
            "| `{}` | {} |\n",
            escaped(&column_title(column)),
            cells.join(" | ")
        ));
    }
    out
}

/// A page; what is behind a cell is shown when it is pointed at, and listed below.
pub(super) fn html(matrix: &Matrix) -> String {
    let mut body = String::from("<div class=\"wide\">\n<table class=\"matrix\">\n<thead>\n");
    body.push_str(&heads(matrix));
    body.push_str("</thead>\n<tbody>\n");
    let mut kind = None;
    for (number, column) in matrix.columns.iter().enumerate() {
        if kind.replace(column.kind) != Some(column.kind) {
            let width = matrix.rows.len();
            let title = kind_title(column.kind);
            body.push_str(&format!(
                "<tr class=\"kind\"><th>{title}</th><td colspan=\"{width}\"></td></tr>\n"
            ));
        }
        let cell = |(at, row): (usize, &Vec<Cell>)| {
            let cell = &row[number];
            let first = if begins_place(matrix, at) { " first" } else { "" };
            let (class, reason) = (cell.reach.word(), markup(&why(cell)));
            format!(
                "<td class=\"{class}{first}\" title=\"{reason}\">{}</td>",
                markup(&cell_text(cell))
            )
        };
        let cells: String = matrix.cells.iter().enumerate().map(cell).collect();
        body.push_str(&format!(
            "<tr><th><code>{}</code></th>{cells}</tr>\n",
            markup(&column_title(column))
        ));
    }
    body.push_str(
        "</tbody>\n</table>\n</div>\n<p class=\"soft\">- denied · ? nobody can tell · ! by a role that is too broad · if under a condition</p>\n",
    );
    for (row, cells) in matrix.rows.iter().zip(&matrix.cells) {
        body.push_str(&format!("<h2>{}</h2>\n<ul>\n", markup(&row_title(row, matrix))));
        for (column, cell) in matrix
            .columns
            .iter()
            .zip(cells)
            .filter(|(_, cell)| cell.reach > Reach::Apart)
        {
            body.push_str(&format!(
                "<li><code>{}</code>: {} <span class=\"soft\">{}</span></li>\n",
                markup(&column_title(column)),
                cell.reach.word(),
                markup(&why(cell))
            ));
        }
        body.push_str("</ul>\n");
    }
    styled("Who reaches what", include_str!("sheet.css"), &body)
}

/// Environments, where there are several, each over its namespaces; and these over the labels of their pods.
fn heads(matrix: &Matrix) -> String {
    let mut out = String::new();
    let is_alone = matrix
        .rows
        .iter()
        .all(|row| row.environments == matrix.rows[0].environments);
    if !is_alone {
        out.push_str("<tr><th></th>");
        let groups = matrix
            .rows
            .chunk_by(|one, other| one.environments == other.environments);
        for (at, rows) in groups.enumerate() {
            let name = markup(&rows[0].environments.join(" + "));
            let class = if at > 0 { " class=\"first\"" } else { "" };
            out.push_str(&format!("<th{class} colspan=\"{}\">{name}</th>", rows.len()));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("<tr><th></th>");
    for (at, row) in matrix.rows.iter().enumerate() {
        let mut lines = head(row, undomained).into_iter();
        let name = markup(&lines.next().unwrap_or_default());
        let labels: String = lines
            .map(|line| format!("<br><small>{}</small>", markup(&line)))
            .collect();
        let class = if begins_place(matrix, at) {
            " class=\"first\""
        } else {
            ""
        };
        out.push_str(&format!(
            "<th{class} title=\"{}\">{name}{labels}</th>",
            markup(&row_title(row, matrix))
        ));
    }
    out.push_str("</tr>\n");
    out
}

/// Whether a row is the first of its environments, and not of all.
fn begins_place(matrix: &Matrix, at: usize) -> bool {
    at > 0 && matrix.rows[at - 1].environments != matrix.rows[at].environments
}
