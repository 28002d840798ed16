//! The order in each column: by the mean position of what is beside, again and again, keeping the best.

use crate::grid::Grid;

/// How often all columns are put in order.
const SWEEPS: usize = 24;

/// Orders all layers. Groups stay together, lower ones first.
pub(crate) fn reduce_crossings(grid: &mut Grid) {
    let mut neighbours = [
        vec![Vec::new(); grid.vertices.len()],
        vec![Vec::new(); grid.vertices.len()],
    ];
    for &(left, right) in &grid.segments {
        neighbours[0][right].push(left);
        neighbours[1][left].push(right);
    }
    for layer in 0..grid.layers.len() {
        sort(grid, layer, &[]);
    }
    let mut best = (crossings(grid), orders(grid));
    for sweep in 0..SWEEPS {
        if best.0 == 0 {
            break;
        }
        let side = sweep % 2;
        for step in 0..grid.layers.len() {
            let layer = if side == 0 { step } else { grid.layers.len() - 1 - step };
            sort(grid, layer, &neighbours[side]);
        }
        let crossings = crossings(grid);
        if crossings < best.0 {
            best = (crossings, orders(grid));
        }
    }
    for (vertex, order) in grid.vertices.iter_mut().zip(best.1) {
        vertex.order = order;
    }
    for layer in 0..grid.layers.len() {
        sort(grid, layer, &[]);
    }
}

fn orders(grid: &Grid) -> Vec<usize> {
    grid.vertices.iter().map(|vertex| vertex.order).collect()
}

/// Sorts a layer by group, then by the mean position of neighbours; without any, by its own.
fn sort(grid: &mut Grid, layer: usize, neighbours: &[Vec<usize>]) {
    let mut keyed: Vec<(usize, f64, usize, usize)> = Vec::with_capacity(grid.layers[layer].1.len());
    for &at in &grid.layers[layer].1 {
        let vertex = &grid.vertices[at];
        let beside = neighbours.get(at).map_or(&[][..], Vec::as_slice);
        // Positions are shares of a layer: layers differ in length.
        let share = |at: usize| {
            let vertex = &grid.vertices[at];
            (vertex.order as f64 + 0.5) / grid.layers[vertex.layer].1.len() as f64
        };
        let key = match beside.len() {
            0 => share(at),
            count => beside.iter().map(|at| share(*at)).sum::<f64>() / count as f64,
        };
        keyed.push((vertex.group, key, vertex.order, at));
    }
    keyed.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    grid.layers[layer].1 = keyed.into_iter().map(|(.., at)| at).collect();
    for (order, at) in grid.layers[layer].1.iter().enumerate() {
        grid.vertices[*at].order = order;
    }
}

/// How many pairs of segments cross.
pub(crate) fn crossings(grid: &Grid) -> usize {
    let mut by_layer: Vec<Vec<(usize, usize)>> = vec![Vec::new(); grid.layers.len()];
    for &(left, right) in &grid.segments {
        let (left, right) = (&grid.vertices[left], &grid.vertices[right]);
        by_layer[left.layer].push((left.order, right.order));
    }
    by_layer
        .into_iter()
        .map(|mut pairs| {
            pairs.sort_unstable();
            inversions(pairs.iter().map(|pair| pair.1))
        })
        .sum()
}

/// How many pairs of a sequence are in the wrong order, by a Fenwick tree.
fn inversions(sequence: impl Iterator<Item = usize> + Clone) -> usize {
    let size = sequence.clone().max().map_or(0, |most| most + 1);
    let mut tree = vec![0usize; size + 1];
    let mut found = 0;
    for (seen, value) in sequence.enumerate() {
        let mut at = value + 1;
        let mut not_above = 0;
        while at > 0 {
            not_above += tree[at];
            at &= at - 1;
        }
        found += seen - not_above;
        at = value + 1;
        while at <= size {
            tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inversions_are_counted() {
        for (sequence, expected) in [
            (&[][..], 0),
            (&[1, 2, 3], 0),
            (&[3, 2, 1], 3),
            (&[2, 2, 1, 1], 4),
            (&[0, 5, 3, 4, 1], 5),
        ] {
            assert_eq!(inversions(sequence.iter().copied()), expected, "{sequence:?}");
        }
    }
}
