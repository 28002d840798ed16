//! Transformer configurations: decoding, sorting and merging lists of field specs
//! (`api/internal/plugins/builtinconfig`, `api/types/fieldspec.go`).

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;
use resource::Gvk;
use yaml::{Mark, Node, Text};

use super::decode::{Rules, decode_root, field, structure};
use super::go_sort::go_sort;
use super::order::gvk_less;
use super::types::{FieldSpec, FieldSpecs, NameReference, TransformerConfig};
use crate::error::{BuildError, ErrorKind, Result};

structure!(
    TransformerConfig,
    [
        field!("namePrefix", name_prefix),
        field!("nameSuffix", name_suffix),
        field!("namespace", namespace),
        field!("commonLabels", common_labels),
        field!("labels", labels),
        field!("templateLabels", template_labels),
        field!("commonAnnotations", common_annotations),
        field!("nameReference", name_reference),
        field!("varReference", var_reference),
        field!("images", images),
        field!("replicas", replicas),
    ]
);

impl TransformerConfig {
    /// Decodes one file of `configurations` and sorts its lists. Unknown fields and repeated keys are
    /// errors.
    pub fn decode(node: &Node) -> Result<TransformerConfig> {
        let mut config: TransformerConfig = decode_root(node, Rules::Configuration, "the configuration")?;
        config.sort();
        Ok(config)
    }

    /// What both configurations say: the specs of `a`, then those of `b` that `a` does not have, sorted.
    ///
    /// A spec is there already if one of the same path has a type that its own type selects. If only one
    /// of the two says `create`, they conflict.
    pub fn merge(a: &Arc<TransformerConfig>, b: &Arc<TransformerConfig>) -> Result<Arc<TransformerConfig>> {
        if b.settled && (Arc::ptr_eq(a, b) || a.is_empty()) {
            return Ok(b.clone());
        }
        if a.settled && b.is_empty() {
            return Ok(a.clone());
        }
        let specs = |list: &str, a: &FieldSpecs, b: &FieldSpecs| merge_specs(list, a, b).map(Cow::Owned);
        let mut merged = TransformerConfig {
            name_prefix: specs("namePrefix", &a.name_prefix, &b.name_prefix)?,
            name_suffix: specs("nameSuffix", &a.name_suffix, &b.name_suffix)?,
            namespace: specs("namespace", &a.namespace, &b.namespace)?,
            common_annotations: specs("commonAnnotations", &a.common_annotations, &b.common_annotations)?,
            common_labels: specs("commonLabels", &a.common_labels, &b.common_labels)?,
            labels: specs("labels", &a.labels, &b.labels)?,
            template_labels: specs("templateLabels", &a.template_labels, &b.template_labels)?,
            var_reference: specs("varReference", &a.var_reference, &b.var_reference)?,
            name_reference: merge_references(&a.name_reference, &b.name_reference)?.into(),
            images: specs("images", &a.images, &b.images)?,
            replicas: specs("replicas", &a.replicas, &b.replicas)?,
            settled: false,
        };
        merged.sort();
        merged.settled = merged.is_settled();
        Ok(Arc::new(merged))
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.name_reference.is_empty() && lists(self).into_iter().all(|(_, specs)| specs.is_empty())
    }

    /// Sorts as Go does, which does not always keep the order of what compares equal.
    pub(crate) fn sort(&mut self) {
        let lists = [
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.namespace,
            &mut self.common_labels,
            &mut self.labels,
            &mut self.template_labels,
            &mut self.common_annotations,
            &mut self.var_reference,
            &mut self.images,
            &mut self.replicas,
        ];
        for specs in lists {
            go_sort(specs.to_mut(), |left, right| gvk_less(&left.gvk, &right.gvk));
        }
        go_sort(self.name_reference.to_mut(), |left, right| {
            gvk_less(&left.gvk, &right.gvk)
        });
    }

    /// Whether merging this with itself or into nothing changes nothing: no spec finds another one before
    /// it, and no referrer one that disagrees.
    fn is_settled(&self) -> bool {
        let alone = |specs: &FieldSpecs| {
            let mut seen = Specs::default();
            specs.iter().all(|spec| {
                let is_new = seen.find(spec).is_none();
                seen.push(spec.clone());
                is_new
            })
        };
        let agrees = |reference: &NameReference| {
            let all = Specs::of(&reference.referrers);
            reference
                .referrers
                .iter()
                .all(|spec| all.find(spec).is_some_and(|found| found.create == spec.create))
        };
        self.name_reference.windows(2).all(|pair| pair[0].gvk != pair[1].gvk)
            && self.name_reference.iter().all(agrees)
            && lists(self).into_iter().all(|(_, specs)| alone(specs))
    }
}

/// The lists of field specs by name, references apart.
pub(crate) fn lists(config: &TransformerConfig) -> [(&'static str, &FieldSpecs); 10] {
    [
        ("namePrefix", &config.name_prefix),
        ("nameSuffix", &config.name_suffix),
        ("namespace", &config.namespace),
        ("commonLabels", &config.common_labels),
        ("labels", &config.labels),
        ("templateLabels", &config.template_labels),
        ("commonAnnotations", &config.common_annotations),
        ("varReference", &config.var_reference),
        ("images", &config.images),
        ("replicas", &config.replicas),
    ]
}

/// Merges two lists of field specs (`FsSlice.MergeAll`): those of `have`, then the new ones of `more` in
/// their order. `list` names the list in messages.
pub fn merge_specs(list: &str, have: &[FieldSpec], more: &[FieldSpec]) -> Result<Vec<FieldSpec>> {
    if more.is_empty() {
        return Ok(have.to_vec());
    }
    let mut specs = Specs::of(have);
    for spec in more {
        match specs.find(spec) {
            None => specs.push(spec.clone()),
            Some(found) if found.create == spec.create => {}
            Some(found) => return Err(conflict(list, found, spec)),
        }
    }
    Ok(specs.all)
}

fn conflict(list: &str, found: &FieldSpec, spec: &FieldSpec) -> BuildError {
    let with = |spec: &FieldSpec| {
        let kind = if spec.gvk.kind.is_empty() {
            "any kind"
        } else {
            &*spec.gvk.kind
        };
        format!("{kind} with `create: {}`", spec.create)
    };
    let message = format!(
        "conflicting fieldspecs in `{list}`: `{}` of {} and of {}",
        spec.path,
        with(found),
        with(spec)
    );
    BuildError::new(ErrorKind::Config, Mark::NONE, message).hint("give both the same `create`")
}

/// Merges references: those to a type that is there already go to the end of its referrers.
pub(crate) fn merge_references(have: &[NameReference], more: &[NameReference]) -> Result<Vec<NameReference>> {
    let mut all = have.to_vec();
    let mut by_type: HashMap<Gvk, Vec<usize>> = HashMap::new();
    for (at, reference) in all.iter().enumerate() {
        by_type.entry(reference.gvk.clone()).or_default().push(at);
    }
    for reference in more {
        let places = by_type.entry(reference.gvk.clone()).or_default();
        if places.is_empty() {
            places.push(all.len());
            all.push(reference.clone());
            continue;
        }
        for &at in places.iter() {
            all[at].referrers = merge_specs("nameReference", &all[at].referrers, &reference.referrers)?.into();
        }
    }
    Ok(all)
}

/// A list of field specs with an index, so that large lists merge in linear time.
#[derive(Default)]
struct Specs {
    all: Vec<FieldSpec>,
    by_path: HashMap<Text, Vec<usize>>,
    by_kind: HashMap<(Text, Text), Vec<usize>>,
}

impl Specs {
    fn of(specs: &[FieldSpec]) -> Specs {
        let mut all = Specs::default();
        for spec in specs {
            all.push(spec.clone());
        }
        all
    }

    fn push(&mut self, spec: FieldSpec) {
        let at = self.all.len();
        self.by_path.entry(spec.path.clone()).or_default().push(at);
        self.by_kind
            .entry((spec.path.clone(), spec.gvk.kind.clone()))
            .or_default()
            .push(at);
        self.all.push(spec);
    }

    /// The first spec that stands for `spec`: it has the same path, and the type of `spec` selects its type.
    fn find(&self, spec: &FieldSpec) -> Option<&FieldSpec> {
        let places = match spec.gvk.kind.is_empty() {
            true => self.by_path.get(&*spec.path)?,
            false => self.by_kind.get(&(spec.path.clone(), spec.gvk.kind.clone()))?,
        };
        places
            .iter()
            .map(|&at| &self.all[at])
            .find(|known| known.gvk.is_selected_by(&spec.gvk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(kind: &str, path: &str, create: bool) -> FieldSpec {
        FieldSpec {
            gvk: Gvk::of_kind(kind),
            path: path.into(),
            create,
        }
    }

    fn images(specs: &[FieldSpec]) -> Arc<TransformerConfig> {
        let config = TransformerConfig {
            images: specs.to_vec().into(),
            ..TransformerConfig::default()
        };
        TransformerConfig::merge(&Arc::default(), &Arc::new(config)).unwrap()
    }

    #[test]
    fn defaults_are_settled() {
        let defaults = TransformerConfig::defaults();
        assert!(defaults.is_settled());
        let nothing = Arc::default();
        for (a, b) in [(defaults, defaults), (&nothing, defaults), (defaults, &nothing)] {
            assert!(Arc::ptr_eq(&TransformerConfig::merge(a, b).unwrap(), defaults));
        }
        // And so say the long way round.
        let copy = Arc::new(TransformerConfig::clone(defaults));
        let merged = TransformerConfig::merge(defaults, &copy).unwrap();
        for ((_, merged), (_, before)) in lists(&merged).into_iter().zip(lists(defaults)) {
            assert_eq!(merged, before);
        }
        assert_eq!(merged.name_reference, defaults.name_reference);
    }

    #[test]
    fn a_spec_is_there_if_its_type_selects_that_of_another() {
        let (special, general) = ([spec("Foo", "a", true)], [spec("", "a", true)]);
        assert_eq!(merge_specs("images", &special, &general).unwrap(), special);
        assert_eq!(
            merge_specs("images", &general, &special).unwrap(),
            [general, special].concat()
        );
    }

    /// kustomize loses the general spec when it merges its own result again.
    #[test]
    fn a_result_that_is_not_settled_is_merged_again() {
        let both = images(&[spec("", "a", true), spec("Foo", "a", true)]);
        assert_eq!(*both.images, [spec("Foo", "a", true), spec("", "a", true)]);
        assert!(!both.settled);
        let again = TransformerConfig::merge(&Arc::default(), &both).unwrap();
        assert_eq!(*again.images, [spec("Foo", "a", true)]);
        assert!(again.settled);
    }

    #[test]
    fn specs_that_disagree_conflict() {
        let error = merge_specs("commonLabels", &[spec("Foo", "a/b", true)], &[spec("", "a/b", false)]).unwrap_err();
        assert_eq!(
            error.message,
            "conflicting fieldspecs in `commonLabels`: `a/b` of Foo with `create: true` and of any kind with `create: false`"
        );
        assert_eq!(error.hint.as_deref(), Some("give both the same `create`"));
    }

    #[test]
    fn references_to_one_type_are_joined() {
        let reference = |kind: &str, path: &str| NameReference {
            gvk: Gvk::of_kind(kind),
            referrers: vec![spec("Pod", path, false)].into(),
        };
        let merged = merge_references(
            &[reference("A", "x")],
            &[reference("B", "y"), reference("A", "z"), reference("A", "x")],
        );
        let merged = merged.unwrap();
        let paths = |at: usize| {
            merged[at]
                .referrers
                .iter()
                .map(|spec| spec.path.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(merged.len(), 2);
        assert_eq!(
            (paths(0), paths(1)),
            (vec!["x".to_owned(), "z".to_owned()], vec!["y".to_owned()])
        );
    }
}
