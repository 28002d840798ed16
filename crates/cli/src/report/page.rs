//! An HTML page that needs nothing else: no script, no file from elsewhere, also on paper.

use super::escape::markup;

const STYLE: &str = include_str!("style.css");

/// The page of a title and a body that is markup already.
pub(crate) fn page(title: &str, body: &str) -> String {
    styled(title, "", body)
}

/// The same with a style of its own.
pub(crate) fn styled(title: &str, style: &str, body: &str) -> String {
    let title = markup(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}{style}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    )
}

/// Numbers with a word each.
pub(crate) fn tiles(tiles: &[(String, &str)]) -> String {
    let tiles = tiles
        .iter()
        .map(|(number, word)| format!("<li><b>{}</b>{word}</li>\n", markup(number)));
    format!("<ul class=\"tiles\">\n{}</ul>\n", tiles.collect::<String>())
}

/// A table whose cells are markup already.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let heads: String = heads.iter().map(|head| format!("<th>{head}</th>")).collect();
    let rows: String = rows
        .iter()
        .map(|row| {
            let cells: String = row.iter().map(|cell| format!("<td>{cell}</td>")).collect();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    format!("<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n")
}
