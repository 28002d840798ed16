//! Go's `sort.Sort`: where elements compare equal, kustomize's output shows the order it leaves them in.
//!
//! The algorithm is that of Go 1.19 and later: a pattern-defeating quicksort that is not stable but
//! always makes the same swaps (paper: arXiv 2106.05123, without the block partitioning). Short
//! slices are sorted by insertion, which keeps equal elements in order.

/// Slices up to this length are sorted by insertion.
const INSERTION: usize = 12;
/// Slices from this length on get a pivot from nine elements, and may be repaired by shifting.
const LONG: usize = 50;

/// Sorts as Go does. `less` must be a strict weak order.
pub(crate) fn go_sort<T>(items: &mut [T], less: impl Fn(&T, &T) -> bool) {
    if items.windows(2).all(|pair| !less(&pair[1], &pair[0])) {
        return; // Go finds this out by itself, and leaves a sorted slice alone.
    }
    let limit = bits(items.len());
    let end = items.len();
    Sorter { items, less: &less }.sort(0, end, limit);
}

/// The number of bits that a number needs.
fn bits(number: usize) -> u32 {
    usize::BITS - number.leading_zeros()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    Unknown,
    Increasing,
    Decreasing,
}

struct Sorter<'a, T, L> {
    items: &'a mut [T],
    less: &'a L,
}

impl<T, L: Fn(&T, &T) -> bool> Sorter<'_, T, L> {
    fn less(&self, left: usize, right: usize) -> bool {
        (self.less)(&self.items[left], &self.items[right])
    }

    fn swap(&mut self, left: usize, right: usize) {
        self.items.swap(left, right);
    }

    /// Sorts `start..end`; after `limit` unbalanced partitions it gives up and uses a heap.
    fn sort(&mut self, mut start: usize, mut end: usize, mut limit: u32) {
        let (mut balanced, mut partitioned) = (true, true);
        loop {
            let length = end - start;
            if length <= INSERTION {
                return self.insert(start, end);
            }
            if limit == 0 {
                return self.heap(start, end);
            }
            if !balanced {
                self.scatter(start, end);
                limit -= 1;
            }
            let (mut pivot, mut hint) = self.pivot(start, end);
            if hint == Hint::Decreasing {
                self.items[start..end].reverse();
                pivot = (end - 1) - (pivot - start);
                hint = Hint::Increasing;
            }
            if balanced && partitioned && hint == Hint::Increasing && self.repair(start, end) {
                return;
            }
            if start > 0 && !self.less(start - 1, pivot) {
                start = self.partition_equal(start, end, pivot);
                continue;
            }
            let (middle, was_partitioned) = self.partition(start, end, pivot);
            partitioned = was_partitioned;
            let (left, right) = (middle - start, end - middle);
            balanced = left.min(right) >= length / 8;
            if left < right {
                self.sort(start, middle, limit);
                start = middle + 1;
            } else {
                self.sort(middle + 1, end, limit);
                end = middle;
            }
        }
    }

    fn insert(&mut self, start: usize, end: usize) {
        for next in start + 1..end {
            let mut at = next;
            while at > start && self.less(at, at - 1) {
                self.swap(at, at - 1);
                at -= 1;
            }
        }
    }

    fn heap(&mut self, start: usize, end: usize) {
        let length = end - start;
        for root in (0..=(length - 1) / 2).rev() {
            self.sift(root, length, start);
        }
        for last in (0..length).rev() {
            self.swap(start, start + last);
            self.sift(0, last, start);
        }
    }

    /// Moves the root of a heap down to its place. The heap is `start..start + length`.
    fn sift(&mut self, mut root: usize, length: usize, start: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= length {
                return;
            }
            if child + 1 < length && self.less(start + child, start + child + 1) {
                child += 1;
            }
            if !self.less(start + root, start + child) {
                return;
            }
            self.swap(start + root, start + child);
            root = child;
        }
    }

    /// Smaller elements to the left of the pivot, others to its right. Returns where the pivot is,
    /// and whether it was so before.
    fn partition(&mut self, start: usize, end: usize, pivot: usize) -> (usize, bool) {
        self.swap(start, pivot);
        let (mut left, mut right) = (start + 1, end - 1);
        let mut moved = false;
        loop {
            while left <= right && self.less(left, start) {
                left += 1;
            }
            while left <= right && !self.less(right, start) {
                right -= 1;
            }
            if left > right {
                self.swap(right, start);
                return (right, !moved);
            }
            self.swap(left, right);
            moved = true;
            left += 1;
            right -= 1;
        }
    }

    /// Elements equal to the pivot to the left, greater ones to the right; none is smaller.
    fn partition_equal(&mut self, start: usize, end: usize, pivot: usize) -> usize {
        self.swap(start, pivot);
        let (mut left, mut right) = (start + 1, end - 1);
        loop {
            while left <= right && !self.less(start, left) {
                left += 1;
            }
            while left <= right && self.less(start, right) {
                right -= 1;
            }
            if left > right {
                return left;
            }
            self.swap(left, right);
            left += 1;
            right -= 1;
        }
    }

    /// Shifts a few misplaced elements of a slice that looks sorted. Returns whether it is sorted now.
    fn repair(&mut self, start: usize, end: usize) -> bool {
        let mut at = start + 1;
        for _ in 0..5 {
            while at < end && !self.less(at, at - 1) {
                at += 1;
            }
            if at == end {
                return true;
            }
            if end - start < LONG {
                return false;
            }
            self.swap(at, at - 1);
            if at - start >= 2 {
                let mut left = at - 1;
                while left >= 1 && self.less(left, left - 1) {
                    self.swap(left, left - 1);
                    left -= 1;
                }
            }
            if end - at >= 2 {
                let mut right = at + 1;
                while right < end && self.less(right, right - 1) {
                    self.swap(right, right - 1);
                    right += 1;
                }
            }
        }
        false
    }

    /// Moves three elements from the middle elsewhere, to break a pattern that defeats the pivots.
    fn scatter(&mut self, start: usize, end: usize) {
        let length = end - start;
        let mut random = length as u64;
        let mask = (1usize << bits(length)) - 1;
        let middle = start + (length / 4) * 2;
        for at in middle - 1..=middle + 1 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut other = random as usize & mask;
            if other >= length {
                other -= length;
            }
            self.swap(at, start + other);
        }
    }

    /// The median of three elements, of nine in a long slice. The slice is longer than [`INSERTION`].
    fn pivot(&self, start: usize, end: usize) -> (usize, Hint) {
        let quarter = (end - start) / 4;
        let (mut low, mut middle, mut high) = (start + quarter, start + quarter * 2, start + quarter * 3);
        let mut swaps = 0;
        if end - start >= LONG {
            low = self.median([low - 1, low, low + 1], &mut swaps);
            middle = self.median([middle - 1, middle, middle + 1], &mut swaps);
            high = self.median([high - 1, high, high + 1], &mut swaps);
        }
        let pivot = self.median([low, middle, high], &mut swaps);
        let hint = match swaps {
            0 => Hint::Increasing,
            12 => Hint::Decreasing,
            _ => Hint::Unknown,
        };
        (pivot, hint)
    }

    fn median(&self, [mut first, mut second, mut third]: [usize; 3], swaps: &mut u32) -> usize {
        let order = |left: &mut usize, right: &mut usize, swaps: &mut u32| {
            if self.less(*right, *left) {
                *swaps += 1;
                std::mem::swap(left, right);
            }
        };
        order(&mut first, &mut second, swaps);
        order(&mut second, &mut third, swaps);
        order(&mut first, &mut second, swaps);
        second
    }
}

#[cfg(test)]
mod tests {
    use super::go_sort;

    /// A digest of the order in which Go's `sort.Sort` leaves `length` elements with keys from
    /// `0..keys`, drawn by a linear congruential generator.
    fn digest(length: u64, keys: u64) -> u64 {
        let mut state = length * 31 + keys;
        let mut items: Vec<(u64, u64)> = (0..length)
            .map(|index| {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                ((state >> 33) % keys, index)
            })
            .collect();
        go_sort(&mut items, |left, right| left.0 < right.0);
        assert!(items.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        items.iter().fold(0xcbf2_9ce4_8422_2325, |hash, item| {
            (hash ^ item.1).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// Expected digests were made with the same generator and Go 1.24's `sort.Sort`.
    #[test]
    fn leaves_equal_elements_where_go_does() {
        for &(length, keys, expected) in include!("go_sort_expected.in") {
            assert_eq!(digest(length, keys), expected, "length {length}, keys {keys}");
        }
    }

    #[test]
    fn sorts_patterns_that_defeat_quicksort() {
        for length in [13usize, 49, 50, 64, 333] {
            let mut organ_pipe: Vec<usize> = (0..length / 2).chain((0..length / 2).rev()).collect();
            go_sort(&mut organ_pipe, |left, right| left < right);
            assert!(organ_pipe.is_sorted());
            let mut falling: Vec<usize> = (0..length).rev().collect();
            go_sort(&mut falling, |left, right| left < right);
            assert!(falling.is_sorted());
        }
    }
}
