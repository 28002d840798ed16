//! An explanation as text: a tree for one value, a table for many.

use std::fmt::Write;

use super::report::{Report, SettingRecord};
use crate::excerpt::visible;

/// Characters of a value that a line shows.
const WIDTH: usize = 60;
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// The report for a person.
pub(super) fn render(report: &Report, colour: bool) -> String {
    let styled = |style: &str, text: &str| match colour {
        true => format!("{style}{text}{RESET}"),
        false => text.to_owned(),
    };
    let mut out = format!("{}\n", styled(BOLD, &visible(&report.object.id)));
    if !report.object.previous.is_empty() {
        let _ = writeln!(
            out,
            "{}",
            styled(DIM, &visible(&format!("was {}", report.object.previous.join(", "))))
        );
    }
    if !report.field.is_empty() {
        let _ = writeln!(out, "{}", visible(&report.field));
    }
    out.push('\n');
    match report.values.first() {
        Some(value) if report.is_scalar => tree(&value.history, &styled, &mut out),
        _ => {
            layers(report, &styled, &mut out);
            table(report, &styled, &mut out);
        }
    }
    out
}

/// One value above the one it replaced.
fn tree(history: &[SettingRecord], styled: &dyn Fn(&str, &str) -> String, out: &mut String) {
    for (at, setting) in history.iter().enumerate() {
        let is_last = at + 1 == history.len();
        let (bullet, line) = (if at == 0 { "●" } else { "○" }, if is_last { " " } else { "│" });
        let style = if at == 0 { BOLD } else { RESET };
        let _ = writeln!(out, "{bullet} {}", styled(style, &value(setting, usize::MAX)));
        let _ = writeln!(out, "{line}   {}", place(setting));
        let _ = writeln!(out, "{line}   {}", styled(DIM, &step(setting)));
    }
}

fn layers(report: &Report, styled: &dyn Fn(&str, &str) -> String, out: &mut String) {
    let width = report.layers.iter().map(|layer| width(&layer.step)).max().unwrap_or(0);
    let _ = writeln!(out, "{}", styled(BOLD, "layers, first to last"));
    for layer in &report.layers {
        let place = layer
            .place
            .as_ref()
            .map_or_else(|| layer.kustomization.clone(), ToString::to_string);
        let _ = writeln!(out, "  {}  {}", padded(&visible(&layer.step), width), visible(&place));
    }
    out.push('\n');
}

fn table(report: &Report, styled: &dyn Fn(&str, &str) -> String, out: &mut String) {
    let rows: Vec<[String; 4]> = report
        .values
        .iter()
        .filter_map(|value| Some((value, value.history.first()?)))
        .map(|(record, newest)| {
            // The head of the table names the field; the rows name what is below it.
            let below = record.field.strip_prefix(&report.field).unwrap_or(&record.field);
            let step = match &newest.place {
                Some(place) if place.is_in(&newest.kustomization) => visible(&newest.step).into_owned(),
                _ => step(newest),
            };
            [
                visible(below.trim_start_matches('.')).into_owned(),
                value(newest, WIDTH),
                place(newest),
                step,
            ]
        })
        .collect();
    let column = |at: usize| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0);
    let widths = [column(0), column(1), column(2)];
    let _ = writeln!(out, "{}", styled(BOLD, "values"));
    for [field, value, place, step] in &rows {
        let (field, value, place) = (
            padded(field, widths[0]),
            padded(value, widths[1]),
            padded(place, widths[2]),
        );
        let _ = writeln!(out, "  {field}  {value}  {place}  {}", styled(DIM, step));
    }
}

fn value(setting: &SettingRecord, limit: usize) -> String {
    let Some(value) = &setting.value else {
        return setting.instead.clone().unwrap_or_default();
    };
    let lines = value.lines().count();
    let first = visible(value.lines().next().unwrap_or_default());
    let mut shown: String = first.chars().take(limit).collect();
    if shown.len() < first.len() {
        shown.push('…');
    }
    match lines {
        _ if value.is_empty() => "\"\"".to_owned(),
        0 | 1 => shown,
        lines => format!("{shown} ({lines} lines)"),
    }
}

fn place(setting: &SettingRecord) -> String {
    setting.place.as_ref().map_or_else(
        || "(made by Terrace)".to_owned(),
        |place| visible(&place.to_string()).into_owned(),
    )
}

fn step(setting: &SettingRecord) -> String {
    visible(&format!("{} of {}", setting.step, setting.kustomization)).into_owned()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}
