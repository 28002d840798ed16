//! `helmChartInflationGenerator` becomes `helmCharts` and `helmGlobals`.

use yaml::{Map, Node, Step};

use super::spelled;
use crate::error::Result;
use crate::file::Kustomization;

const OLD: &str = "helmChartInflationGenerator";

/// Fields of a chart, and their names in `helmCharts`; those without one say nothing there.
const FIELDS: [(&str, Option<&str>); 12] = [
    ("chartName", Some("name")),
    ("chartVersion", Some("version")),
    ("chartRepoUrl", Some("repo")),
    ("values", Some("valuesFile")),
    ("valuesLocal", Some("valuesInline")),
    ("valuesMerge", None),
    ("releaseName", None),
    ("chartRepoName", None),
    ("helmBin", None),
    ("helmHome", None),
    ("chartHome", None),
    ("extraArgs", None),
];

/// Fields that have the same name in `helmCharts`.
const KEPT: [&str; 2] = ["valuesMerge", "releaseName"];

/// Renames the fields of charts and moves the charts; where charts and Helm keep their things is global.
pub(super) fn charts(file: &mut Kustomization) -> Result<()> {
    let charts = file.items(OLD);
    if file.get(OLD).is_none() {
        return Ok(());
    }
    let mut globals = Map::new();
    for (index, chart) in charts.iter().enumerate() {
        let said = |field: &str| {
            let text = spelled(chart, field).and_then(|key| chart.get(&key)?.as_str().map(str::to_owned));
            text.filter(|text| !text.is_empty())
        };
        for (field, global) in [("chartHome", "chartHome"), ("helmHome", "configHome")] {
            if let Some(home) = said(field) {
                globals.insert(global, Node::string(home));
            }
        }
        rename_fields(file, index, chart)?;
    }
    if file.get("helmGlobals").is_none() && !globals.is_empty() {
        file.set(&[Step::Key("helmGlobals")], &Node::map(globals))?;
    }
    file.move_items(OLD, "helmCharts")
}

fn rename_fields(file: &mut Kustomization, index: usize, chart: &Node) -> Result<()> {
    let keys: Vec<(String, Option<&str>)> = FIELDS
        .iter()
        .filter_map(|(field, new)| Some((spelled(chart, field)?, new.or(KEPT.contains(field).then_some(*field)))))
        .collect();
    if keys.iter().all(|(_, new)| new.is_none()) {
        return file.set(&[Step::Key(OLD), Step::Index(index)], &Node::map(Map::new()));
    }
    for (key, new) in keys {
        let path = [Step::Key(OLD), Step::Index(index), Step::Key(&key)];
        match new {
            Some(new) if new == key => {}
            Some(new) => file.rename(&path, new)?,
            None => file.remove(&path)?,
        }
    }
    Ok(())
}
