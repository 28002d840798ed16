//! Layouts of directed graphs whose boxes have columns by what they are: from sizes and arrows to places and lines.
//!
//! As Sugiyama, Tagawa and Toda do it (<https://doi.org/10.1109/TSMC.1981.4308636>), with columns for layers: long
//! arrows get bends in the columns they pass, columns are ordered by barycentres so that few lines cross, and places
//! are the nearest to those of their neighbours that keep the order. A line passes columns only where nothing stands.
//! Work grows with the number of bends, and the result depends on the input alone.

mod grid;
mod lines;
mod order;
mod places;

use grid::Grid;

/// A box to place.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Boxes of a tier stand right of those of lower ones. Arrows within a tier make columns of their own.
    pub tier: usize,
    /// Boxes of a group stand in one band, lower groups first.
    pub group: usize,
    pub width: f64,
    pub height: f64,
}

/// An arrow between two boxes.
#[derive(Clone, Copy, Debug)]
pub struct Arrow {
    pub from: usize,
    pub to: usize,
    /// Arrows of one bundle to one box run together at their ends, and share the label.
    pub bundle: usize,
    /// The width of its label, if it has one.
    pub label: Option<f64>,
}

/// A part of the plane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// The label of a bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub area: Area,
    /// The arrows that it is for.
    pub arrows: Vec<usize>,
}

/// The way of an arrow: a point, and from each to the next a straight line or a curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub start: (f64, f64),
    pub steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Straight((f64, f64)),
    /// A cubic Bézier curve: two control points, and the end.
    Curve((f64, f64), (f64, f64), (f64, f64)),
}

/// A column of boxes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    pub tier: usize,
    pub x: f64,
    pub width: f64,
}

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    pub width: f64,
    pub height: f64,
    /// One for each shape.
    pub boxes: Vec<Area>,
    pub labels: Vec<Label>,
    /// One for each arrow; an arrow from a box to itself has no steps.
    pub lines: Vec<Line>,
    /// The groups that have boxes, and their bands.
    pub bands: Vec<(usize, Area)>,
    pub columns: Vec<Column>,
}

/// Distances.
#[derive(Clone, Copy, Debug)]
pub struct Spacing {
    /// Between boxes, and between labels, above each other.
    pub boxes: f64,
    /// Between lines that pass a column.
    pub lines: f64,
    pub label_height: f64,
    /// Between columns, at least.
    pub columns: f64,
    /// Around a band, and above it for its title.
    pub band: f64,
    pub title: f64,
}

/// Lays out a graph.
pub fn layout(shapes: &[Shape], arrows: &[Arrow], spacing: &Spacing) -> Layout {
    let mut grid = Grid::new(shapes, arrows, spacing);
    order::reduce_crossings(&mut grid);
    let bands = places::place(&mut grid, spacing);
    lines::draw(&grid, shapes, arrows, &bands, spacing)
}
