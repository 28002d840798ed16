//! The columns: which box stands in which, and what else is in them: labels, and bends where lines pass.

use hashbrown::HashMap;

use crate::{Arrow, Shape, Spacing};

/// How many columns one tier has at most.
const MAX_DEPTH: usize = 4;

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Shape,
    Label,
    Bend,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Vertex {
    pub(crate) layer: usize,
    pub(crate) group: usize,
    pub(crate) content: Content,
    pub(crate) width: f64,
    /// With the distance to the next one.
    pub(crate) room: f64,
    /// The position in its layer.
    pub(crate) order: usize,
    /// Of its middle.
    pub(crate) y: f64,
}

/// A column of boxes of a tier, or one of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LayerKind {
    Shapes(usize),
    Labels,
}

/// What an arrow passes.
#[derive(Clone, Debug)]
pub(crate) enum Chain {
    /// Vertices of successive layers; `reversed` where the arrow points to the left.
    Through { vertices: Vec<usize>, reversed: bool },
    /// Both ends are in one layer.
    Beside,
}

/// Vertices in layers. The first vertices are the shapes, by their numbers.
#[derive(Debug)]
pub(crate) struct Grid {
    pub(crate) vertices: Vec<Vertex>,
    pub(crate) layers: Vec<(LayerKind, Vec<usize>)>,
    /// Between vertices of successive layers, each once.
    pub(crate) segments: Vec<(usize, usize)>,
    /// One for each arrow.
    pub(crate) chains: Vec<Chain>,
    /// Labels with their arrows.
    pub(crate) labels: Vec<(usize, Vec<usize>)>,
}

impl Grid {
    pub(crate) fn new(shapes: &[Shape], arrows: &[Arrow], spacing: &Spacing) -> Grid {
        let depths = depths(shapes, arrows);
        let mut columns: Vec<(usize, usize)> = shapes
            .iter()
            .zip(&depths)
            .map(|(shape, depth)| (shape.tier, *depth))
            .collect();
        columns.sort_unstable();
        columns.dedup();
        let column_of = |at: usize| columns.binary_search(&(shapes[at].tier, depths[at])).unwrap_or(0);
        let mut is_labelled = vec![false; columns.len()];
        for arrow in arrows.iter().filter(|arrow| arrow.label.is_some()) {
            if column_of(arrow.from) < column_of(arrow.to) {
                is_labelled[column_of(arrow.to)] = true;
            }
        }
        let mut layers = Vec::new();
        let mut layer_of_column = Vec::new();
        for (column, (tier, _)) in columns.iter().enumerate() {
            if is_labelled[column] {
                layers.push((LayerKind::Labels, Vec::new()));
            }
            layer_of_column.push(layers.len());
            layers.push((LayerKind::Shapes(*tier), Vec::new()));
        }
        let mut grid = Grid {
            vertices: Vec::new(),
            layers,
            segments: Vec::new(),
            chains: Vec::new(),
            labels: Vec::new(),
        };
        for (at, shape) in shapes.iter().enumerate() {
            let room = shape.height + spacing.boxes;
            grid.add(
                layer_of_column[column_of(at)],
                shape.group,
                Content::Shape,
                shape.width,
                room,
            );
        }
        let mut joints = Joints::default();
        for (number, arrow) in arrows.iter().enumerate() {
            let chain = grid.chain(number, arrow, &mut joints, spacing);
            grid.chains.push(chain);
        }
        let pairs = grid.chains.iter().filter_map(|chain| match chain {
            Chain::Through { vertices, .. } => Some(vertices.windows(2).map(|pair| (pair[0], pair[1]))),
            Chain::Beside => None,
        });
        grid.segments = pairs.flatten().collect();
        grid.segments.sort_unstable();
        grid.segments.dedup();
        grid
    }

    fn add(&mut self, layer: usize, group: usize, content: Content, width: f64, room: f64) -> usize {
        let at = self.vertices.len();
        let order = self.layers[layer].1.len();
        self.vertices.push(Vertex {
            layer,
            group,
            content,
            width,
            room,
            order,
            y: 0.0,
        });
        self.layers[layer].1.push(at);
        at
    }

    fn chain(&mut self, number: usize, arrow: &Arrow, joints: &mut Joints, spacing: &Spacing) -> Chain {
        let reversed = self.vertices[arrow.from].layer > self.vertices[arrow.to].layer;
        let (left, right) = match reversed {
            false => (arrow.from, arrow.to),
            true => (arrow.to, arrow.from),
        };
        let (first, last) = (self.vertices[left].layer, self.vertices[right].layer);
        if first == last {
            return Chain::Beside;
        }
        let group = self.vertices[right].group;
        let mut head = right;
        if let Some(width) = arrow.label.filter(|_| !reversed) {
            let label = *joints.labels.entry((right, arrow.bundle)).or_insert_with(|| {
                let room = spacing.label_height + spacing.boxes / 2.0;
                let vertex = self.add(last - 1, group, Content::Label, width, room);
                self.labels.push((vertex, Vec::new()));
                self.labels.len() - 1
            });
            self.labels[label].1.push(number);
            head = self.labels[label].0;
        }
        let mut vertices = vec![left];
        for layer in first + 1..self.vertices[head].layer {
            let key = (layer, head, arrow.bundle, reversed);
            let bend = *joints
                .bends
                .entry(key)
                .or_insert_with(|| self.add(layer, group, Content::Bend, 0.0, spacing.lines));
            vertices.push(bend);
        }
        vertices.push(head);
        if head != right {
            vertices.push(right);
        }
        Chain::Through { vertices, reversed }
    }
}

/// What arrows of a bundle share.
#[derive(Default)]
struct Joints {
    /// Labels by the box and the bundle.
    labels: HashMap<(usize, usize), usize>,
    /// Bends by the layer, what they lead to, the bundle, and whether it points to the left.
    bends: HashMap<(usize, usize, usize, bool), usize>,
}

/// How far right in its tier each shape is: behind all that points to it there. An arrow that closes a circle does
/// not count.
fn depths(shapes: &[Shape], arrows: &[Arrow]) -> Vec<usize> {
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); shapes.len()];
    for arrow in arrows
        .iter()
        .filter(|arrow| shapes[arrow.from].tier == shapes[arrow.to].tier)
    {
        next[arrow.from].push(arrow.to);
    }
    // What was finished last stands first.
    let mut finished = Vec::with_capacity(shapes.len());
    let mut is_seen = vec![false; shapes.len()];
    for start in 0..shapes.len() {
        if std::mem::replace(&mut is_seen[start], true) {
            continue;
        }
        let mut path = vec![(start, 0)];
        while let Some((at, done)) = path.last_mut() {
            match next[*at].get(*done) {
                Some(&to) => {
                    *done += 1;
                    if !std::mem::replace(&mut is_seen[to], true) {
                        path.push((to, 0));
                    }
                }
                None => {
                    finished.push(*at);
                    path.pop();
                }
            }
        }
    }
    let mut position = vec![0; shapes.len()];
    for (at, shape) in finished.iter().rev().enumerate() {
        position[*shape] = at;
    }
    let mut depths = vec![0; shapes.len()];
    for &at in finished.iter().rev() {
        for &to in next[at].iter().filter(|to| position[**to] > position[at]) {
            depths[to] = (depths[at] + 1).max(depths[to]).min(MAX_DEPTH - 1);
        }
    }
    depths
}
