//! The result: areas of boxes and labels, and lines that bend between columns and run straight through them.

use hashbrown::HashMap;

use crate::grid::{Chain, Content, Grid, LayerKind};
use crate::places::Bands;
use crate::{Area, Arrow, Column, Label, Layout, Line, Shape, Spacing, Step};

/// Ends of lines at one side of a box are as far apart as this at most, and keep as far from its corners.
const PORTS: f64 = 7.0;

/// Between columns of which one is a column of labels.
const LABEL_GAP: f64 = 0.6;

/// Gaps grow with the height that lines climb in them.
const SLOPE: f64 = 0.06;
const MOST_SLOPE: f64 = 140.0;

pub(crate) fn draw(grid: &Grid, shapes: &[Shape], arrows: &[Arrow], bands: &Bands, spacing: &Spacing) -> Layout {
    let columns = columns(grid, spacing);
    let width = columns.last().map_or(0.0, |(x, width)| x + width) + 2.0 * spacing.band;
    let height = bands.of_groups.last().map_or(0.0, |(_, area)| area.y + area.height) + spacing.band;
    let boxes: Vec<Area> = shapes
        .iter()
        .zip(&grid.vertices)
        .map(|(shape, vertex)| Area {
            x: columns[vertex.layer].0,
            y: vertex.y - shape.height / 2.0,
            width: shape.width,
            height: shape.height,
        })
        .collect();
    let labels = grid.labels.iter().map(|(at, arrows)| {
        let vertex = &grid.vertices[*at];
        Label {
            area: Area {
                x: columns[vertex.layer].0,
                y: vertex.y - spacing.label_height / 2.0,
                width: vertex.width,
                height: spacing.label_height,
            },
            arrows: arrows.clone(),
        }
    });
    let labels = labels.collect();
    let ports = Ports::new(grid, &boxes);
    let line = |(chain, arrow): (&Chain, &Arrow)| match chain {
        Chain::Through { vertices, reversed } => {
            let line = through(grid, &columns, &boxes, &ports, vertices);
            if *reversed { backwards(&line) } else { line }
        }
        Chain::Beside => beside(grid, &columns, &boxes, arrow, spacing),
    };
    let lines = grid.chains.iter().zip(arrows).map(line).collect();
    let with_shapes = |group: usize| shapes.iter().any(|shape| shape.group == group);
    let of_groups = bands.of_groups.iter().filter(|(group, _)| with_shapes(*group));
    let band = |(group, area): &(usize, Area)| {
        let area = Area {
            x: spacing.band / 2.0,
            y: area.y - spacing.title - spacing.band / 4.0,
            width: width - spacing.band,
            height: area.height + spacing.title + spacing.band / 2.0,
        };
        (*group, area)
    };
    let shown = grid
        .layers
        .iter()
        .zip(&columns)
        .filter_map(|((kind, _), (x, width))| match kind {
            LayerKind::Shapes(tier) => Some(Column {
                tier: *tier,
                x: *x,
                width: *width,
            }),
            LayerKind::Labels => None,
        });
    Layout {
        width,
        height,
        labels,
        lines,
        bands: of_groups.map(band).collect(),
        columns: shown.collect(),
        boxes,
    }
}

/// The left edge and the width of each layer.
fn columns(grid: &Grid, spacing: &Spacing) -> Vec<(f64, f64)> {
    let mut climbs = vec![0.0; grid.layers.len()];
    for &(left, right) in &grid.segments {
        let (left, right) = (&grid.vertices[left], &grid.vertices[right]);
        climbs[right.layer] = f64::max(climbs[right.layer], (left.y - right.y).abs());
    }
    let mut columns: Vec<(f64, f64)> = Vec::new();
    let mut x = spacing.band;
    for (layer, (kind, vertices)) in grid.layers.iter().enumerate() {
        if layer > 0 {
            let has_label = *kind == LayerKind::Labels || grid.layers[layer - 1].0 == LayerKind::Labels;
            let least = spacing.columns * if has_label { LABEL_GAP } else { 1.0 };
            x += least + (climbs[layer] * SLOPE).min(MOST_SLOPE);
        }
        let width = vertices.iter().map(|at| grid.vertices[*at].width).fold(0.0, f64::max);
        columns.push((x, width));
        x += width;
    }
    columns
}

/// Where lines end at boxes: spread over the side, in the order of where they come from.
struct Ports {
    of_segments: HashMap<(usize, usize), (f64, f64)>,
}

impl Ports {
    fn new(grid: &Grid, boxes: &[Area]) -> Ports {
        let mut sides: HashMap<(usize, bool), Vec<(usize, usize)>> = HashMap::new();
        for &(left, right) in &grid.segments {
            sides.entry((left, true)).or_default().push((left, right));
            sides.entry((right, false)).or_default().push((left, right));
        }
        let middle = |at: usize| grid.vertices[at].y;
        let mut of_segments: HashMap<(usize, usize), (f64, f64)> = grid
            .segments
            .iter()
            .map(|&(left, right)| ((left, right), (middle(left), middle(right))))
            .collect();
        for ((at, is_right), mut segments) in sides {
            if grid.vertices[at].content != Content::Shape {
                continue;
            }
            let other = |segment: &(usize, usize)| if is_right { segment.1 } else { segment.0 };
            segments.sort_by(|a, b| middle(other(a)).total_cmp(&middle(other(b))).then(a.cmp(b)));
            let room = boxes[at].height - 2.0 * PORTS;
            let count = segments.len();
            let step = if count > 1 {
                (room / (count - 1) as f64).min(PORTS)
            } else {
                0.0
            };
            for (position, segment) in segments.into_iter().enumerate() {
                let y = middle(at) + step * (position as f64 - (count - 1) as f64 / 2.0);
                if let Some(ends) = of_segments.get_mut(&segment) {
                    *(if is_right { &mut ends.0 } else { &mut ends.1 }) = y;
                }
            }
        }
        Ports { of_segments }
    }

    fn of(&self, left: usize, right: usize) -> (f64, f64) {
        self.of_segments.get(&(left, right)).copied().unwrap_or_default()
    }
}

fn through(grid: &Grid, columns: &[(f64, f64)], boxes: &[Area], ports: &Ports, vertices: &[usize]) -> Line {
    let right_edge = |at: usize| {
        let (x, width) = columns[grid.vertices[at].layer];
        match boxes.get(at) {
            Some(area) => area.x + area.width,
            None => x + width,
        }
    };
    let first = ports.of(vertices[0], vertices[1]).0;
    let mut line = Line {
        start: (right_edge(vertices[0]), first),
        steps: Vec::new(),
    };
    for pair in vertices.windows(2) {
        let (left, right) = (pair[0], pair[1]);
        let (from, to) = ports.of(left, right);
        let (x, width) = columns[grid.vertices[left].layer];
        // The column may be wider than what stands in it.
        if right_edge(left) < x + width {
            line.steps.push(Step::Straight((x + width, from)));
        }
        let end = columns[grid.vertices[right].layer].0;
        let middle = (x + width + end) / 2.0;
        line.steps.push(Step::Curve((middle, from), (middle, to), (end, to)));
        if grid.vertices[right].content != Content::Shape {
            let (x, width) = columns[grid.vertices[right].layer];
            if width > 0.0 {
                line.steps.push(Step::Straight((x + width, to)));
            }
        }
    }
    line
}

fn backwards(line: &Line) -> Line {
    let mut points = vec![line.start];
    points.extend(line.steps.iter().map(|step| match step {
        Step::Straight(end) | Step::Curve(_, _, end) => *end,
    }));
    let steps = line.steps.iter().zip(&points).rev().map(|(step, start)| match step {
        Step::Straight(_) => Step::Straight(*start),
        Step::Curve(first, second, _) => Step::Curve(*second, *first, *start),
    });
    Line {
        start: points[points.len() - 1],
        steps: steps.collect(),
    }
}

/// A line between boxes of one column: out into the gap at its right, and back.
fn beside(grid: &Grid, columns: &[(f64, f64)], boxes: &[Area], arrow: &Arrow, spacing: &Spacing) -> Line {
    let (x, width) = columns[grid.vertices[arrow.from].layer];
    let edge = x + width;
    let of = |at: usize| (boxes[at].x + boxes[at].width, grid.vertices[at].y);
    let (start, end) = (of(arrow.from), of(arrow.to));
    if arrow.from == arrow.to {
        return Line {
            start,
            steps: Vec::new(),
        };
    }
    let out = edge + spacing.columns * LABEL_GAP * 0.9;
    Line {
        start,
        steps: vec![
            Step::Straight((edge, start.1)),
            Step::Curve((out, start.1), (out, end.1), (edge, end.1)),
            Step::Straight(end),
        ],
    }
}
