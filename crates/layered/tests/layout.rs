//! What every layout keeps: nothing overlaps, and no line runs over a box that it does not end at.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use layered::{Area, Arrow, Layout, Line, Shape, Spacing, Step, layout};
use proptest::prelude::*;

const SPACING: Spacing = Spacing {
    boxes: 10.0,
    lines: 8.0,
    label_height: 16.0,
    columns: 60.0,
    band: 20.0,
    title: 20.0,
};

fn shape(tier: usize, group: usize) -> Shape {
    Shape {
        tier,
        group,
        width: 100.0 + 10.0 * (tier % 3) as f64,
        height: 36.0,
    }
}

fn arrow(from: usize, to: usize) -> Arrow {
    Arrow {
        from,
        to,
        bundle: 0,
        label: None,
    }
}

/// Points of a line, close to each other.
fn points(line: &Line) -> Vec<(f64, f64)> {
    let mut points = vec![line.start];
    for step in &line.steps {
        let start = *points.last().unwrap();
        let (first, second, end) = match *step {
            Step::Straight(end) => (start, end, end),
            Step::Curve(first, second, end) => (first, second, end),
        };
        points.extend((1..=40).map(|part| {
            let t = f64::from(part) / 40.0;
            let mix = |of: fn((f64, f64)) -> f64| {
                let (a, b, c, d) = (of(start), of(first), of(second), of(end));
                let s = 1.0 - t;
                a * s * s * s + 3.0 * b * s * s * t + 3.0 * c * s * t * t + d * t * t * t
            };
            match step {
                Step::Straight(_) => (start.0 + (end.0 - start.0) * t, start.1 + (end.1 - start.1) * t),
                Step::Curve(..) => (mix(|p| p.0), mix(|p| p.1)),
            }
        }));
    }
    points
}

fn is_inside(area: &Area, (x, y): (f64, f64)) -> bool {
    x > area.x + 0.01 && x < area.x + area.width - 0.01 && y > area.y + 0.01 && y < area.y + area.height - 0.01
}

fn overlap(a: &Area, b: &Area) -> bool {
    a.x < b.x + b.width - 0.01
        && b.x < a.x + a.width - 0.01
        && a.y < b.y + b.height - 0.01
        && b.y < a.y + a.height - 0.01
}

fn faults(layout: &Layout, shapes: &[Shape], arrows: &[Arrow]) -> Vec<String> {
    let mut faults = Vec::new();
    let all: Vec<Area> = layout
        .boxes
        .iter()
        .copied()
        .chain(layout.labels.iter().map(|label| label.area))
        .collect();
    for (at, area) in all.iter().enumerate() {
        if area.x < 0.0 || area.y < 0.0 || area.x + area.width > layout.width || area.y + area.height > layout.height {
            faults.push(format!("{at} is outside"));
        }
        faults.extend(
            (0..at)
                .filter(|other| overlap(area, &all[*other]))
                .map(|other| format!("{at} is over {other}")),
        );
    }
    for (at, (line, arrow)) in layout.lines.iter().zip(arrows).enumerate() {
        for point in points(line) {
            if let Some(hit) = layout.boxes.iter().position(|area| is_inside(area, point)) {
                faults.push(format!("line {at} from {} to {} runs over {hit}", arrow.from, arrow.to));
                break;
            }
            let is_foreign = |label: &&layered::Label| {
                !label
                    .arrows
                    .iter()
                    .any(|of| (arrows[*of].to, arrows[*of].bundle) == (arrow.to, arrow.bundle))
            };
            if layout
                .labels
                .iter()
                .filter(is_foreign)
                .any(|label| is_inside(&label.area, point))
            {
                faults.push(format!("line {at} runs over a label of others"));
                break;
            }
        }
        let ends = |at: usize, (x, y): (f64, f64)| {
            let area = &layout.boxes[at];
            let is_edge = (x - area.x).abs() < 0.01 || (x - area.x - area.width).abs() < 0.01;
            is_edge && y > area.y && y < area.y + area.height
        };
        if !ends(arrow.from, line.start) || arrow.from != arrow.to && !ends(arrow.to, *points(line).last().unwrap()) {
            faults.push(format!("line {at} does not end at its boxes"));
        }
    }
    for (group, band) in &layout.bands {
        let boxes = shapes
            .iter()
            .zip(&layout.boxes)
            .filter(|(shape, _)| shape.group == *group);
        for (_, area) in boxes {
            let is_within = area.y >= band.y && area.y + area.height <= band.y + band.height;
            if !is_within {
                faults.push(format!("a box of the band {group} is outside of it"));
            }
        }
    }
    faults
}

#[test]
fn tiers_and_chains_go_to_the_right() {
    // 1 and 2 are of one tier, and 1 points to 2.
    let shapes = [shape(0, 0), shape(1, 0), shape(1, 0), shape(2, 0)];
    let arrows = [arrow(0, 1), arrow(1, 2), arrow(2, 3)];
    let layout = layout(&shapes, &arrows, &SPACING);
    let x: Vec<f64> = layout.boxes.iter().map(|area| area.x).collect();
    assert!(x.is_sorted_by(|a, b| a < b), "{x:?}");
    // Nothing pulls a single chain up or down.
    assert!(
        layout
            .boxes
            .iter()
            .all(|area| (area.y - layout.boxes[0].y).abs() < 0.01)
    );
    let tiers: Vec<usize> = layout.columns.iter().map(|column| column.tier).collect();
    assert_eq!(tiers, [0, 1, 1, 2]);
}

#[test]
fn lines_that_need_not_cross_do_not() {
    let shapes: Vec<Shape> = (0..20).map(|at| shape(at / 10, 0)).collect();
    let arrows: Vec<Arrow> = (0..10).map(|at| arrow(at, 10 + (at * 7) % 10)).collect();
    let layout = layout(&shapes, &arrows, &SPACING);
    for arrow in &arrows {
        assert!((layout.boxes[arrow.from].y - layout.boxes[arrow.to].y).abs() < 0.01);
    }
}

#[test]
fn arrows_of_a_bundle_share_their_label() {
    let shapes = [shape(0, 0), shape(0, 0), shape(0, 0), shape(1, 0)];
    let labelled = |from, bundle| Arrow {
        bundle,
        label: Some(70.0),
        ..arrow(from, 3)
    };
    let layout = layout(&shapes, &[labelled(0, 1), labelled(1, 1), labelled(2, 2)], &SPACING);
    let of_labels: Vec<&[usize]> = layout.labels.iter().map(|label| &label.arrows[..]).collect();
    assert_eq!(of_labels, [&[0, 1][..], &[2]]);
}

#[test]
fn nothing_is_laid_out_as_nothing() {
    let layout = layout(&[], &[], &SPACING);
    assert!(layout.boxes.is_empty() && layout.lines.is_empty() && layout.bands.is_empty());
}

fn graphs() -> impl Strategy<Value = (Vec<Shape>, Vec<Arrow>)> {
    let shapes = prop::collection::vec((0..5usize, 0..3usize), 1..30);
    let shapes = shapes.prop_map(|all| {
        all.into_iter()
            .map(|(tier, group)| shape(tier, group))
            .collect::<Vec<_>>()
    });
    shapes.prop_flat_map(|shapes| {
        let count = shapes.len();
        let label = prop::option::of(Just(60.0));
        let arrows = prop::collection::vec((0..count, 0..count, 0..3usize, label), 0..60);
        let arrows = arrows.prop_map(|all| {
            let arrow = |(from, to, bundle, label): (usize, usize, usize, Option<f64>)| Arrow {
                from,
                to,
                // A bundle has one label.
                bundle: 2 * bundle + usize::from(label.is_some()),
                label,
            };
            all.into_iter().map(arrow).collect::<Vec<_>>()
        });
        (Just(shapes), arrows)
    })
}

proptest! {
    /// Also with circles, arrows to the left and to the box itself.
    #[test]
    fn no_line_runs_over_a_box((shapes, arrows) in graphs()) {
        let layout = layout(&shapes, &arrows, &SPACING);
        prop_assert_eq!(layout.lines.len(), arrows.len());
        let faults = faults(&layout, &shapes, &arrows);
        prop_assert!(faults.is_empty(), "{:?}", faults);
        prop_assert_eq!(layout, layered::layout(&shapes, &arrows, &SPACING));
    }
}
