//! What an annotation says of a function: the container it is in, or the program it is
//! (kyaml's `runtimeutil.GetFunctionSpec`).

use yaml::Node;

use crate::accumulate::{Context, embed};
use crate::config::Str;
use crate::config::decode::{Rules, decode_root, field, structure};
use crate::error::Result;

#[derive(Clone, Debug, Default)]
pub(crate) struct Spec {
    defer_failure: bool,
    pub(crate) container: Container,
    pub(crate) exec: Exec,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Container {
    pub(crate) image: Str,
    pub(crate) network: bool,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) variables: Vec<Str>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Exec {
    pub(crate) path: Str,
    pub(crate) arguments: Vec<Str>,
    pub(crate) variables: Vec<Str>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Mount {
    pub(crate) kind: Str,
    pub(crate) source: Str,
    pub(crate) target: Str,
    pub(crate) writable: bool,
}

structure!(
    Spec,
    [
        field!("deferFailure", defer_failure),
        field!("container", container),
        field!("exec", exec),
    ]
);

structure!(
    Container,
    [
        field!("image", image),
        field!("network", network),
        field!("mounts", mounts),
        field!("envs", variables),
    ]
);

structure!(
    Exec,
    [
        field!("path", path),
        field!("args", arguments),
        field!("envs", variables),
    ]
);

structure!(
    Mount,
    [
        field!("type", kind),
        field!("src", source),
        field!("dst", target),
        field!("rw", writable),
    ]
);

const WHAT: &str = "the function";

impl Spec {
    /// Reads what an object says, which says something.
    pub(crate) fn read(cx: &Context<'_>, object: &Node) -> Result<Spec> {
        let annotation = |name| {
            let value = object.get_path(["metadata", "annotations", name])?;
            value.text().filter(|text| !text.is_empty()).map(|text| Str {
                text: text.clone(),
                mark: value.mark,
                style: value.style,
            })
        };
        for name in ["config.kubernetes.io/function", "config.k8s.io/function"] {
            let Some(text) = annotation(name) else { continue };
            let place = cx.session.sources().get(text.mark.source);
            let file = place.as_ref().map_or("an annotation", |source| source.name());
            let source = embed(cx, &text, file, name);
            let config = yaml::read_config(&source)?;
            return decode_root(&config.node, Rules::Configuration, WHAT);
        }
        if let Some(config) = object
            .get_path(["metadata", "configFn"])
            .filter(|config| !config.is_null())
        {
            return decode_root(config, Rules::Configuration, WHAT);
        }
        let container = Container {
            image: annotation("config.kubernetes.io/container").unwrap_or_default(),
            ..Container::default()
        };
        Ok(Spec {
            container,
            ..Spec::default()
        })
    }
}

impl Mount {
    /// A mount in docker's words, as `--mount` has it.
    pub(crate) fn parse(text: &str) -> Mount {
        let str = |text: &str| Str {
            text: text.into(),
            ..Str::default()
        };
        let mut mount = Mount::default();
        for option in text.split(',') {
            match option.split_once('=') {
                Some(("type", value)) => mount.kind = str(value),
                Some(("src" | "source", value)) => mount.source = str(value),
                Some(("dst" | "target", value)) => mount.target = str(value),
                Some(("rw", "true")) => mount.writable = true,
                _ => {}
            }
        }
        mount
    }
}
