//! What a function gives back has lost comments and the order of fields: both are taken from what it was given
//! (kyaml's `CopyComments` and `SyncOrder`).

use yaml::{Layout, LayoutKind, LayoutStyle};

/// Copies the comments of an object to those fields of another that have none.
pub(crate) fn copy_comments(from: &Layout, to: &mut Layout) {
    comments(from, to);
    walk(from.root(), to.root_mut());
}

fn comments(from: &Layout, to: &mut Layout) {
    for (from, to) in [
        (&from.line_comment, &mut to.line_comment),
        (&from.head_comment, &mut to.head_comment),
        (&from.foot_comment, &mut to.foot_comment),
    ] {
        if to.is_empty() {
            from.clone_into(to);
        }
    }
}

fn walk(from: &Layout, to: &mut Layout) {
    if from.kind != to.kind {
        return;
    }
    // A line comment cannot stand behind a folded text.
    let folded = LayoutStyle {
        folded: true,
        ..LayoutStyle::PLAIN
    };
    if to.kind == LayoutKind::Scalar && to.style == folded {
        to.style = LayoutStyle {
            double_quoted: true,
            ..LayoutStyle::PLAIN
        };
    }
    comments(from, to);
    match from.kind {
        LayoutKind::Mapping => {
            for (key, value) in from.entries() {
                if let Some(at) = to.position(&key.value) {
                    comments(key, &mut to.content[at]);
                    walk(value, &mut to.content[at + 1]);
                }
            }
        }
        LayoutKind::Sequence => {
            let named = |list: &Layout| list.content.iter().all(|item| item.get("name").is_some());
            if named(from) && named(to) {
                let name = |item: &Layout| item.get("name").map(|name| name.value.clone());
                for to in &mut to.content {
                    if let Some(from) = from.content.iter().find(|from| name(from) == name(to)) {
                        walk(from, to);
                    }
                }
                return;
            }
            for (from, to) in from.content.iter().zip(&mut to.content) {
                if from.value == to.value {
                    walk(from, to);
                }
            }
        }
        _ => {}
    }
}

/// Brings the fields of an object into the order of another; others come last.
pub(crate) fn sync_order(from: &Layout, to: &mut Layout) {
    order(from.root(), to.root_mut());
    move_heads(to.root_mut());
}

fn order(from: &Layout, to: &mut Layout) {
    if from.content.is_empty() || to.content.is_empty() || from.kind != to.kind {
        return;
    }
    match from.kind {
        LayoutKind::Mapping => {
            let mut rest: Vec<Option<(Layout, Layout)>> = Vec::new();
            let mut content = std::mem::take(&mut to.content).into_iter();
            while let (Some(key), Some(value)) = (content.next(), content.next()) {
                rest.push(Some((key, value)));
            }
            for (key, value) in from.entries() {
                let same = |entry: &Option<(Layout, Layout)>| entry.as_ref().is_some_and(|(k, _)| k.value == key.value);
                if let Some((key, mut moved)) = rest.iter().position(same).and_then(|at| rest[at].take()) {
                    order(value, &mut moved);
                    to.push(key, moved);
                }
            }
            for (key, value) in rest.into_iter().flatten() {
                to.push(key, value);
            }
        }
        LayoutKind::Sequence => {
            for (from, to) in from.content.iter().zip(&mut to.content) {
                order(from, to);
            }
        }
        _ => {}
    }
}

/// The comment above the first field of an element is that of the element.
fn move_heads(node: &mut Layout) {
    match node.kind {
        LayoutKind::Mapping | LayoutKind::Document => node.content.iter_mut().for_each(move_heads),
        LayoutKind::Sequence => {
            for item in &mut node.content {
                let Some(first) = item
                    .content
                    .first_mut()
                    .filter(|first| first.kind == LayoutKind::Scalar)
                else {
                    continue;
                };
                if item.head_comment.is_empty() {
                    item.head_comment.clone_from(&first.head_comment);
                } else if !first.head_comment.is_empty() {
                    item.head_comment.push('\n');
                    item.head_comment.push_str(&std::mem::take(&mut first.head_comment));
                }
            }
        }
        _ => {}
    }
}
