//! Where vertices stand in their columns: as near to what they are joined with as their order permits.

use crate::grid::{Content, Grid};
use crate::{Area, Spacing};

/// How often all columns are moved.
const SWEEPS: usize = 24;

/// The bands of the groups that have vertices, from top to bottom.
#[derive(Debug)]
pub(crate) struct Bands {
    pub(crate) of_groups: Vec<(usize, Area)>,
}

/// Places all vertices.
pub(crate) fn place(grid: &mut Grid, spacing: &Spacing) -> Bands {
    let parts = parts(grid);
    let bands = bands(grid, &parts, spacing);
    let mut neighbours = [
        vec![Vec::new(); grid.vertices.len()],
        vec![Vec::new(); grid.vertices.len()],
    ];
    for &(left, right) in &grid.segments {
        neighbours[0][right].push(left);
        neighbours[1][left].push(right);
    }
    let band_of = |group: usize| {
        bands
            .iter()
            .find(|(of, _)| *of == group)
            .map_or(Area::default(), |(_, area)| *area)
    };
    for part in &parts {
        let band = band_of(part.group);
        let mut y = band.y + (band.height - part.room) / 2.0;
        for &at in &part.vertices {
            let vertex = &mut grid.vertices[at];
            vertex.y = y + vertex.room / 2.0;
            y += vertex.room;
        }
    }
    for sweep in 0..SWEEPS {
        let is_last = sweep >= SWEEPS / 2;
        for step in 0..parts.len() {
            let part = &parts[if sweep % 2 == 0 { step } else { parts.len() - 1 - step }];
            let sides = if is_last {
                &neighbours[..]
            } else {
                &neighbours[sweep % 2..=sweep % 2]
            };
            move_part(grid, part, band_of(part.group), sides);
        }
    }
    Bands { of_groups: bands }
}

/// The vertices of one group in one layer, in order.
struct Part {
    group: usize,
    vertices: Vec<usize>,
    room: f64,
}

fn parts(grid: &Grid) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (_, layer) in &grid.layers {
        let mut last = None;
        for &at in layer {
            let vertex = &grid.vertices[at];
            if last != Some(vertex.group) {
                last = Some(vertex.group);
                parts.push(Part {
                    group: vertex.group,
                    vertices: Vec::new(),
                    room: 0.0,
                });
            }
            if let Some(part) = parts.last_mut() {
                part.vertices.push(at);
                part.room += vertex.room;
            }
        }
    }
    parts
}

/// Each band is as high as its fullest column.
fn bands(grid: &Grid, parts: &[Part], spacing: &Spacing) -> Vec<(usize, Area)> {
    let mut groups: Vec<usize> = grid.vertices.iter().map(|vertex| vertex.group).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut y = spacing.band;
    let mut bands = Vec::new();
    for group in groups {
        let rooms = parts.iter().filter(|part| part.group == group).map(|part| part.room);
        let height = rooms.fold(0.0, f64::max);
        let area = Area {
            y: y + spacing.title,
            height,
            ..Area::default()
        };
        bands.push((group, area));
        y += spacing.title + height + spacing.band;
    }
    bands
}

/// How much a line between two vertices pulls: long lines are to be straight
/// (Gansner, Koutsofios, North and Vo, <https://doi.org/10.1109/32.221135>).
fn straightness(one: Content, other: Content) -> f64 {
    match (one, other) {
        (Content::Shape, Content::Shape) => 1.0,
        (Content::Shape, _) | (_, Content::Shape) => 2.0,
        _ => 8.0,
    }
}

/// Moves the vertices of a part to the places that are nearest to the means of their neighbours' (the least sum of
/// squares) and keep their order and distances: an isotonic regression, found by pooling neighbours that would overlap.
fn move_part(grid: &mut Grid, part: &Part, band: Area, sides: &[Vec<Vec<usize>>]) {
    // Blocks of vertices that touch: how many, their weight, and where the first would start.
    let mut blocks: Vec<(usize, f64, f64)> = Vec::new();
    let mut before = 0.0;
    for &at in &part.vertices {
        let vertex = &grid.vertices[at];
        let pull = |other: &usize| {
            let other = &grid.vertices[*other];
            (other.y, straightness(vertex.content, other.content))
        };
        let pulls = sides.iter().flat_map(|side| &side[at]).map(pull);
        let (sum, weight) = pulls.fold((0.0, 0.0), |(sum, all), (y, weight)| (sum + y * weight, all + weight));
        // What has no neighbours stands anywhere.
        let (wanted, weight) = match weight > 0.0 {
            true => (sum / weight, weight),
            false => (vertex.y, 0.01),
        };
        let mut block = (1, weight, wanted - before - vertex.room / 2.0);
        before += vertex.room;
        while let Some(last) = blocks.last().filter(|last| last.2 > block.2) {
            let weight = last.1 + block.1;
            block = (last.0 + block.0, weight, (last.1 * last.2 + block.1 * block.2) / weight);
            blocks.pop();
        }
        blocks.push(block);
    }
    let mut vertices = part.vertices.iter();
    let mut before = 0.0;
    let most = band.y + band.height - part.room;
    for (count, _, start) in blocks {
        let start = start.min(most).max(band.y);
        for &at in vertices.by_ref().take(count) {
            let vertex = &mut grid.vertices[at];
            vertex.y = start + before + vertex.room / 2.0;
            before += vertex.room;
        }
    }
}
