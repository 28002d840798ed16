//! Rego: a template's code in an engine of its own, with limits of time and memory.

mod builtins;
mod remember;
mod rewrite;
mod sprintf;
mod texts;

use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::{ExecutionTimerConfig, set_global_memory_limit};
use regorus::{Engine, Value};
use yaml::{Mark, Node};

use crate::data::{self, object};
use crate::review::Review;
use crate::{Defect, Violation};

/// How long one constraint may think about one object. Gatekeeper's webhook has three seconds for all.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// How much one constraint may hold while it thinks about one object. Gatekeeper's pods have 512 MiB for all.
const MEMORY_LIMIT_MIB: u64 = 256;

/// Starts to count what this thread takes. The engine compares that with its limit while it runs.
fn limit_memory() {
    set_global_memory_limit(Some(MEMORY_LIMIT_MIB << 20));
    allocator::begin();
}

/// Compiled code of a template.
#[derive(Debug)]
pub(crate) struct Rego {
    engine: Engine,
    /// The rule that makes violations: `data.PACKAGE.violation`.
    rule: String,
    pub(crate) mark: Mark,
    /// Whether it reads `data.inventory`.
    pub(crate) needs_inventory: bool,
}

impl Rego {
    /// Compiles the code of a template and its libraries.
    ///
    /// # Errors
    /// [`Defect`] with the message of the engine.
    pub(crate) fn compile(name: &str, rego: &Node, libs: &[String], is_v1: bool) -> Result<Rego, Defect> {
        let fail = |message: String| {
            Defect::new(
                rego.mark,
                format!("the Rego of the template {name} cannot be used: {message}"),
            )
        };
        let engine = |text: &str| {
            limit_memory();
            let mut engine = Engine::new();
            engine.set_rego_v0(!is_v1);
            engine.set_strict_builtin_errors(false);
            engine.set_execution_timer_config(ExecutionTimerConfig {
                limit: TIME_LIMIT,
                check_interval: NonZeroU32::new(64).unwrap_or(NonZeroU32::MIN),
            });
            builtins::add(&mut engine).map_err(|error| fail(error.to_string()))?;
            let mut add = |file: String, text: &str| {
                engine
                    .add_policy(file, rewrite::rewrite(text))
                    .map_err(|error| fail(plain(&error.to_string())))
            };
            let package = add(format!("{name}.rego"), text)?;
            for (at, lib) in libs.iter().enumerate() {
                add(format!("{name}.lib{at}.rego"), lib)?;
            }
            Ok((engine, package))
        };
        // A first run finds what is not defined: functions above all.
        let started = |mut engine: Engine, rule: &str| {
            engine.set_input(object([]));
            match engine.eval_rule(rule.to_owned()) {
                Ok(_) => Ok(engine),
                Err(error) => Err(fail(plain(&error.to_string()))),
            }
        };
        let text = rego.as_str().unwrap_or_default();
        let (direct, package) = engine(text)?;
        let rule = format!("{package}.violation");
        let asked = direct.clone();
        let direct = started(direct, &rule)?;
        let needs_inventory = text.contains("inventory") || libs.iter().any(|lib| lib.contains("inventory"));
        // Only what goes through all other objects asks the same again and again.
        let remembering = || {
            let remembered = remember::remember(text);
            if remembered.functions.is_empty() {
                return None;
            }
            let (mut engine, _) = engine(&remembered.text).ok()?;
            remember::add(&mut engine, asked, &package, &remembered.functions).ok()?;
            started(engine, &rule).ok()
        };
        let remembering = if needs_inventory { remembering() } else { None };
        Ok(Rego {
            needs_inventory,
            mark: rego.mark,
            engine: remembering.unwrap_or(direct),
            rule,
        })
    }

    /// An engine to run it, with what is in the tree.
    pub(crate) fn runner(&self, inventory: &Value) -> Result<Runner<'_>, String> {
        limit_memory();
        let mut engine = self.engine.clone();
        if self.needs_inventory {
            let data = object([("inventory", inventory.clone())]);
            engine.add_data(data).map_err(|error| plain(&error.to_string()))?;
        }
        Ok(Runner { engine, rego: self })
    }
}

/// A template's code at work.
pub(crate) struct Runner<'r> {
    engine: Engine,
    rego: &'r Rego,
}

impl Runner<'_> {
    /// The violations of a constraint with these parameters.
    ///
    /// # Errors
    /// What the engine says, in one line.
    pub(crate) fn run(&mut self, review: &Value, parameters: &Value) -> Result<Vec<Violation>, String> {
        limit_memory();
        self.engine
            .set_input(object([("review", review.clone()), ("parameters", parameters.clone())]));
        let result = self.engine.eval_rule(self.rego.rule.clone());
        let found = result.map_err(|error| plain(&error.to_string()))?;
        let found: Vec<&Value> = match &found {
            Value::Set(set) => set.iter().collect(),
            Value::Undefined => Vec::new(),
            Value::Object(map) => map.keys().collect(),
            _ => return Err("violation is no set".to_owned()),
        };
        let mut violations: Vec<Violation> = Vec::new();
        for value in found {
            let Ok(message) = value["msg"].as_string() else {
                return Err("a violation has no msg".to_owned());
            };
            builtins::refuse_vast(value).map_err(|error| error.to_string())?;
            let details = value["details"].as_object().ok();
            let texts = details.into_iter().flat_map(|details| {
                details.iter().filter_map(|(name, value)| {
                    Some((
                        name.as_string().ok()?.to_string(),
                        value
                            .as_string()
                            .map_or_else(|_| value.to_string(), |text| text.to_string()),
                    ))
                })
            });
            violations.push(Violation {
                message: message.to_string(),
                details: texts.collect(),
            });
        }
        Ok(violations)
    }
}

/// `input.review`: the request, and the namespace.
pub(crate) fn review_value(review: &Review) -> Value {
    let part = |node: Option<&Node>| node.map_or(Value::Null, data::value);
    // On a deletion Gatekeeper gives the old object as the object too.
    let object = review.object.as_ref().or(review.old.as_ref());
    let mut value = data::value(&review.request_node());
    if let Ok(fields) = value.as_object_mut() {
        fields.insert("object".into(), part(object));
        fields.insert("oldObject".into(), part(review.old.as_ref()));
        fields.insert("namespaceObject".into(), part(review.namespace_object.as_ref()));
    }
    value
}

/// The engine's words in one line: the message after the excerpt, or the last line.
fn plain(message: &str) -> String {
    if message.contains("exceeded time limit") {
        return format!("it did not end within {} s", TIME_LIMIT.as_secs());
    }
    if message.contains("exceeded memory limit") {
        return format!("it took more than {MEMORY_LIMIT_MIB} MiB of memory");
    }
    let place = message.lines().find_map(|line| line.trim().strip_prefix("--> "));
    let error = message
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("error: "));
    let words = error.unwrap_or_else(|| message.lines().last().unwrap_or_default().trim());
    match place {
        Some(place) => format!("{words} ({})", place.trim()),
        None => words.to_owned(),
    }
}
