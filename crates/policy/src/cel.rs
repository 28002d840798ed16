//! Rules in CEL, as admission policies and templates have them: variables, conditions, validations.

use std::cell::RefCell;

use expression::{Bindings, CompileError, Environment, Error, Meter, Program, Value};
use yaml::{Mark, Node, Style};

use crate::data::{items, text};
use crate::review::Review;
use crate::{Defect, Violation};

/// An expression, where it stands, and what it says.
#[derive(Debug)]
struct Expression {
    program: Program,
    text: String,
    mark: Mark,
}

#[derive(Debug)]
struct Validation {
    expression: Expression,
    message: Option<String>,
    message_expression: Option<Expression>,
}

/// The rules of a policy.
#[derive(Debug)]
pub(crate) struct Rules {
    variables: Vec<(String, Expression)>,
    conditions: Vec<(String, Expression)>,
    validations: Vec<Validation>,
    annotations: Vec<(String, Expression)>,
    ignores_failure: bool,
}

/// What the rules say of an object.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) violations: Vec<Violation>,
    /// What could not be evaluated and is let pass, as the policy asks (`failurePolicy: Ignore`).
    pub(crate) ignored: Vec<String>,
}

/// The values that are not of the object: parameters, and what variables a template has.
pub(crate) struct Surroundings {
    pub(crate) params: Option<Value>,
    pub(crate) variables: Vec<(&'static str, Value)>,
}

impl Rules {
    /// The rules of a `K8sNativeValidation` source.
    ///
    /// # Errors
    /// [`Defect`] at the expression that is wrong.
    pub(crate) fn of_template(source: &Node) -> Result<Rules, Defect> {
        let names = ["object", "oldObject", "request", "namespaceObject", "variables"];
        Rules::read(source, "matchCondition", &names, &["params", "anyObject"])
    }

    /// The rules of the `spec` of a validating admission policy.
    ///
    /// # Errors
    /// [`Defect`] at the expression that is wrong.
    pub(crate) fn of_policy(spec: &Node) -> Result<Rules, Defect> {
        let mut names = vec!["object", "oldObject", "request", "namespaceObject", "variables"];
        if spec.get("paramKind").is_some_and(|kind| !kind.is_null()) {
            names.push("params");
        }
        Rules::read(spec, "matchConditions", &names, &[])
    }

    fn read(spec: &Node, conditions: &str, names: &[&str], given: &[&str]) -> Result<Rules, Defect> {
        let environment = Environment::new(names.iter().copied());
        let named = |list: &str, name: &str, value: &str| -> Result<Vec<(String, Expression)>, Defect> {
            let one = |item: &Node| {
                let name = text(item, &[name]).unwrap_or_default().to_owned();
                Ok((name, Expression::read(item, value, &environment)?))
            };
            items(spec, &[list]).map(one).collect()
        };
        let rules = Rules {
            variables: named("variables", "name", "expression")?,
            conditions: named(conditions, "name", "expression")?,
            annotations: named("auditAnnotations", "key", "valueExpression")?,
            validations: items(spec, &["validations"])
                .map(|item| {
                    Ok(Validation {
                        expression: Expression::read(item, "expression", &environment)?,
                        message: text(item, &["message"])
                            .filter(|text| !text.is_empty())
                            .map(str::to_owned),
                        message_expression: match text(item, &["messageExpression"]) {
                            Some(text) if !text.is_empty() => {
                                Some(Expression::read(item, "messageExpression", &environment)?)
                            }
                            _ => None,
                        },
                    })
                })
                .collect::<Result<_, Defect>>()?,
            ignores_failure: match text(spec, &["failurePolicy"]) {
                Some("Ignore") => true,
                None | Some("Fail") => false,
                Some(other) => {
                    let mark = spec.get("failurePolicy").map_or(spec.mark, |node| node.mark);
                    return Err(Defect::new(mark, format!("\"{other}\" is no failure policy")));
                }
            },
        };
        if rules.validations.is_empty() && rules.annotations.is_empty() {
            return Err(Defect::new(
                spec.mark,
                "there are neither validations nor audit annotations",
            ));
        }
        rules.check_variables(given)?;
        Ok(rules)
    }

    /// Every `variables.NAME` must be there: a name that is not is found before any object is.
    fn check_variables(&self, given: &[&str]) -> Result<(), Defect> {
        let parts = self.variables.iter().chain(&self.conditions).chain(&self.annotations);
        let validations = self.validations.iter().flat_map(|validation| {
            [Some(&validation.expression), validation.message_expression.as_ref()]
                .into_iter()
                .flatten()
        });
        for expression in parts.map(|(_, expression)| expression).chain(validations) {
            for name in expression.program.fields_of("variables") {
                let is_known = given.contains(&name) || self.variables.iter().any(|(known, _)| known == name);
                if !is_known {
                    return Err(Defect::new(expression.mark, format!("there is no variable \"{name}\"")));
                }
            }
        }
        Ok(())
    }

    /// Judges an object.
    pub(crate) fn judge(&self, review: &ReviewValues, surroundings: &Surroundings) -> Verdict {
        let meter = Meter::new(expression::POLICY_LIMIT);
        let scope = Scope {
            rules: self,
            review,
            surroundings,
            made: RefCell::new(vec![State::Unmade; self.variables.len()]),
        };
        let mut verdict = Verdict::default();
        let fail = |verdict: &mut Verdict, words: String| {
            if self.ignores_failure {
                verdict.ignored.push(words);
            } else {
                verdict.violations.push(Violation {
                    message: words,
                    details: Vec::new(),
                });
            }
        };
        let mut failed = Vec::new();
        for (name, condition) in &self.conditions {
            match condition.eval(&scope, &meter) {
                Ok(Value::Bool(true)) => {}
                // One that does not hold decides, whatever the others say.
                Ok(Value::Bool(false)) => return verdict,
                Ok(_) => failed.push(format!("the match condition \"{name}\" gives no bool")),
                Err(error) => failed.push(format!("the match condition \"{name}\" cannot be evaluated: {error}")),
            }
        }
        if !failed.is_empty() {
            failed.into_iter().for_each(|words| fail(&mut verdict, words));
            return verdict;
        }
        for validation in &self.validations {
            match validation.expression.eval(&scope, &meter) {
                Ok(Value::Bool(true)) => {}
                Ok(Value::Bool(false)) => {
                    let made = validation.message_expression.as_ref().and_then(|expression| {
                        // A message that cannot be made, or is none, gives way to the written one.
                        let value = expression.eval(&scope, &meter).ok()?;
                        let text = value.as_str()?.trim();
                        (!text.is_empty() && !text.contains('\n')).then(|| text.to_owned())
                    });
                    let written = || validation.message.clone();
                    let message = made
                        .or_else(written)
                        .unwrap_or_else(|| format!("failed expression: {}", validation.expression.text.trim()));
                    verdict.violations.push(Violation {
                        message,
                        details: Vec::new(),
                    });
                }
                Ok(_) => fail(
                    &mut verdict,
                    format!("the expression '{}' gives no bool", validation.expression.text.trim()),
                ),
                Err(error) => {
                    let words = format!(
                        "the expression '{}' cannot be evaluated: {error}",
                        validation.expression.text.trim()
                    );
                    fail(&mut verdict, words);
                }
            }
        }
        let mut details = Vec::new();
        for (key, expression) in &self.annotations {
            match expression.eval(&scope, &meter) {
                Ok(Value::Null) => {}
                Ok(Value::String(text)) => details.push((key.clone(), text.as_str().to_owned())),
                Ok(_) => fail(&mut verdict, format!("the audit annotation \"{key}\" gives no text")),
                Err(error) => fail(
                    &mut verdict,
                    format!("the audit annotation \"{key}\" cannot be evaluated: {error}"),
                ),
            }
        }
        for violation in &mut verdict.violations {
            violation.details.clone_from(&details);
        }
        verdict
    }
}

impl Expression {
    fn read(node: &Node, field: &str, environment: &Environment) -> Result<Expression, Defect> {
        let node = node
            .get(field)
            .ok_or_else(|| Defect::new(node.mark, format!("the field {field} is missing")))?;
        let text = node.as_str().unwrap_or_default();
        let program = Program::compile(text, environment).map_err(|error| defect(node, &error))?;
        Ok(Expression {
            program,
            text: text.to_owned(),
            mark: node.mark,
        })
    }

    fn eval(&self, scope: &Scope<'_>, policy: &Meter) -> Result<Value, Error> {
        let limit = expression::CALL_LIMIT.min(policy.left());
        let meter = Meter::new(limit);
        let result = self.program.eval(scope, &meter);
        policy.spend(limit - meter.left())?;
        result
    }
}

/// The defect of an expression, at its place in the file where that can be told.
fn defect(node: &Node, error: &CompileError) -> Defect {
    let mut mark = node.mark;
    match node.style {
        Style::Plain if mark.is_some() && !node.as_str().unwrap_or_default().contains('\n') => {
            mark.offset += error.offset
        }
        Style::SingleQuoted | Style::DoubleQuoted if mark.is_some() => mark.offset += error.offset + 1,
        _ => {}
    }
    let words = match node.style {
        Style::Literal | Style::Folded => {
            let before = node
                .as_str()
                .and_then(|text| text.get(..error.offset as usize))
                .unwrap_or_default();
            format!(" (line {} of the expression)", before.matches('\n').count() + 1)
        }
        _ => String::new(),
    };
    Defect::new(mark, format!("the expression cannot be used: {}{words}", error.message))
}

/// The values of a review, made once for all policies.
#[derive(Debug)]
pub(crate) struct ReviewValues {
    object: Value,
    old: Value,
    request: Value,
    namespace: Value,
}

impl ReviewValues {
    pub(crate) fn new(review: &Review) -> ReviewValues {
        let of = |node: Option<&Node>| node.map_or(Value::Null, Value::from_node);
        ReviewValues {
            object: of(review.object.as_ref()),
            old: of(review.old.as_ref()),
            request: Value::from_node(&review.request_node()),
            namespace: of(review.namespace_object.as_ref()),
        }
    }

    /// What a template calls `variables.anyObject`.
    pub(crate) fn any_object(&self) -> Value {
        if self.object.is_null() {
            self.old.clone()
        } else {
            self.object.clone()
        }
    }
}

/// A variable, made when it is first asked for.
#[derive(Clone)]
enum State {
    Unmade,
    /// It asks for itself.
    BeingMade,
    Made(Result<Value, Error>),
}

struct Scope<'r> {
    rules: &'r Rules,
    review: &'r ReviewValues,
    surroundings: &'r Surroundings,
    made: RefCell<Vec<State>>,
}

impl Bindings for Scope<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        Some(match name {
            "object" => self.review.object.clone(),
            "oldObject" => self.review.old.clone(),
            "request" => self.review.request.clone(),
            "namespaceObject" => self.review.namespace.clone(),
            "params" => self.surroundings.params.clone().unwrap_or(Value::Null),
            _ => return None,
        })
    }

    fn field(&self, name: &str, field: &str, meter: &Meter) -> Option<Result<Value, Error>> {
        if name != "variables" {
            return None;
        }
        if let Some((_, value)) = self.surroundings.variables.iter().find(|(known, _)| *known == field) {
            return Some(Ok(value.clone()));
        }
        let at = self.rules.variables.iter().position(|(known, _)| known == field)?;
        let state = std::mem::replace(&mut self.made.borrow_mut()[at], State::BeingMade);
        let value = match state {
            State::Made(value) => value,
            State::BeingMade => Err(Error::Failed(format!("the variable \"{field}\" asks for itself"))),
            State::Unmade => self.rules.variables[at].1.program.eval(self, meter),
        };
        self.made.borrow_mut()[at] = State::Made(value.clone());
        Some(value)
    }
}
