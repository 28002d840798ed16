//! The field specs that transformers use when no configuration says more: `defaults.txt`, which the build
//! script makes a constant.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use resource::Gvk;
use yaml::Text;

use super::types::{FieldSpec, NameReference, TransformerConfig};

static DEFAULTS: TransformerConfig = include!(concat!(env!("OUT_DIR"), "/defaults.rs"));

impl TransformerConfig {
    /// What kustomize starts with, already in its order.
    pub fn defaults() -> &'static Arc<TransformerConfig> {
        static SHARED: OnceLock<Arc<TransformerConfig>> = OnceLock::new();
        SHARED.get_or_init(|| Arc::new(DEFAULTS.clone()))
    }
}

const fn gvk(group: &'static str, version: &'static str, kind: &'static str) -> Gvk {
    Gvk {
        group: Text::from_static(group),
        version: Text::from_static(version),
        kind: Text::from_static(kind),
    }
}

const fn spec(gvk: Gvk, path: &'static str, create: bool) -> FieldSpec {
    FieldSpec {
        gvk,
        path: Text::from_static(path),
        create,
    }
}

const fn reference(gvk: Gvk, referrers: &'static [FieldSpec]) -> NameReference {
    NameReference {
        gvk,
        referrers: Cow::Borrowed(referrers),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::config::transformer_config::lists;

    fn type_text(gvk: &Gvk) -> String {
        format!("{}|{}|{}", gvk.group, gvk.version, gvk.kind)
    }

    fn write_specs(out: &mut String, specs: &[FieldSpec]) {
        for spec in specs {
            let create = if spec.create { '+' } else { '-' };
            writeln!(out, "{}|{}|{create}", type_text(&spec.gvk), spec.path).unwrap();
        }
    }

    /// The expected text lists what kustomize 5.8.1 holds after it has sorted its defaults.
    #[test]
    fn are_those_of_kustomize_in_its_order() {
        let config = TransformerConfig::defaults();
        let mut out = String::new();
        for (name, specs) in lists(config) {
            writeln!(out, "# {name}").unwrap();
            write_specs(&mut out, specs);
        }
        for reference in config.name_reference.iter() {
            writeln!(out, "# nameReference {}", type_text(&reference.gvk)).unwrap();
            write_specs(&mut out, &reference.referrers);
        }
        assert_eq!(out, include_str!("defaults_expected.txt"));
    }
}
