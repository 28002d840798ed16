//! The matrix as a table of other programs: with commas, in Markdown, as a page.

use identity::matrix::{Matrix, Reach};

use super::text::{cell_text, column_title, kind_title, row_title, why};
use crate::report::escape::markup;
use crate::report::page::page;

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
    let mut body = String::new();
    let heads: String = matrix
        .rows
        .iter()
        .map(|row| format!("<th>{}</th>", markup(&row_title(row, matrix))))
        .collect();
    body.push_str(&format!("<table>\n<thead><tr><th></th>{heads}</tr></thead>\n<tbody>\n"));
    let mut kind = None;
    for (number, column) in matrix.columns.iter().enumerate() {
        if kind.replace(column.kind) != Some(column.kind) {
            let width = matrix.rows.len() + 1;
            body.push_str(&format!(
                "<tr><th colspan=\"{width}\">{}</th></tr>\n",
                kind_title(column.kind)
            ));
        }
        let cells: String = matrix
            .cells
            .iter()
            .map(|row| {
                format!(
                    "<td title=\"{}\">{}</td>",
                    markup(&why(&row[number])),
                    markup(&cell_text(&row[number]))
                )
            })
            .collect();
        body.push_str(&format!(
            "<tr><td><code>{}</code></td>{cells}</tr>\n",
            markup(&column_title(column))
        ));
    }
    body.push_str(
        "</tbody>\n</table>\n<p class=\"soft\">- denied · ? nobody can tell · ! by a role that is too broad · if under a condition</p>\n",
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
    page("Who reaches what", &body)
}
