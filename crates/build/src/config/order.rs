//! The order of types of objects in Go's `Gvk.IsLessThan` (`kyaml/resid/gvk.go`), by which field specs
//! are sorted.

use resource::Gvk;

/// Kinds that come before all others, in this order.
pub(crate) const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that come after all others, in this order.
pub(crate) const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Whether a type comes before another one: by the place of their kinds in [`FIRST`] and [`LAST`], then
/// by `group_version_kind`, where `~` stands for a part that is missing.
pub(crate) fn gvk_less(left: &Gvk, right: &Gvk) -> bool {
    let (left_order, right_order) = (kind_order(&left.kind), kind_order(&right.kind));
    if left_order != right_order {
        return left_order < right_order;
    }
    left != right && sort_text(left).lt(sort_text(right))
}

fn sort_text(gvk: &Gvk) -> impl Iterator<Item = u8> + '_ {
    fn part<'t>(value: &'t str, missing: &'static str) -> &'t str {
        if value.is_empty() { missing } else { value }
    }
    let separator = std::iter::once(b'_');
    let group = part(&gvk.group, "~G").bytes();
    let version = part(&gvk.version, "~V").bytes();
    let kind = part(&gvk.kind, "~K").bytes();
    group
        .chain(separator.clone())
        .chain(version)
        .chain(separator)
        .chain(kind)
}

/// Where a kind comes: below zero for the first ones, above for the last ones, zero for all others.
pub(crate) fn kind_order(kind: &str) -> i32 {
    let place = |kinds: &[&str]| kinds.iter().position(|known| *known == kind).map(|at| at as i32);
    match (place(&FIRST), place(&LAST)) {
        (Some(at), _) => at - FIRST.len() as i32,
        (_, Some(at)) => at + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_first_then_by_name_then_last() {
        let kinds = [
            "Namespace",
            "ServiceAccount",
            "CronJob",
            "",
            "MutatingWebhookConfiguration",
        ];
        for pair in kinds.windows(2) {
            assert!(gvk_less(&Gvk::of_kind(pair[0]), &Gvk::of_kind(pair[1])), "{pair:?}");
        }
        let grouped = Gvk::from_fields("apps/v1", "Thing");
        assert!(gvk_less(&grouped, &Gvk::of_kind("Thing")));
        assert!(!gvk_less(&grouped, &grouped.clone()));
    }
}
