//! A set of policies, and what it says of objects.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use build::parallel;
use hashbrown::{HashMap, HashSet};
use resource::{Finding, Resource, Severity, split_api_version};
use yaml::{Map, Mark, Node};

use crate::admission::{self, Binding, Params, Policy};
use crate::cel::{ReviewValues, Surroundings, Verdict};
use crate::constraint::{self, Constraint};
use crate::data::{self, object, text};
use crate::place::place;
use crate::rego::{Runner, review_value};
use crate::review::{Review, is_namespace};
use crate::template::{self, Code, Template};
use crate::{Defect, Violation};

/// A policy that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    pub message: String,
    pub mark: Mark,
    /// Whether a constraint says what its template does not allow.
    pub is_constraint: bool,
}

/// Policies that were read and compiled.
#[derive(Debug, Default)]
pub struct Policies {
    templates: Vec<Template>,
    /// With the position of the template.
    constraints: Vec<(Constraint, usize)>,
    admission: Vec<Policy>,
    /// With the position of the policy.
    bindings: Vec<(Binding, usize)>,
    errors: Vec<PolicyError>,
    /// Policies that say nothing about what is built, and why.
    skipped: Vec<(Mark, String)>,
}

/// What a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PolicyKind {
    Template,
    Constraint,
    Admission,
    Binding,
}

fn kind_of(node: &Node) -> Option<PolicyKind> {
    let (group, _) = split_api_version(text(node, &["apiVersion"])?);
    match (group, text(node, &["kind"])?) {
        (template::GROUP, "ConstraintTemplate") => Some(PolicyKind::Template),
        (constraint::GROUP, _) => Some(PolicyKind::Constraint),
        (admission::GROUP, "ValidatingAdmissionPolicy") => Some(PolicyKind::Admission),
        (admission::GROUP, "ValidatingAdmissionPolicyBinding") => Some(PolicyKind::Binding),
        _ => None,
    }
}

/// What stops a constraint for the rest of a run: it failed once.
type Failed = HashSet<String>;

impl Policies {
    /// Whether a tree is a policy or a part of one.
    pub fn is_policy(node: &Node) -> bool {
        kind_of(node).is_some()
    }

    /// Reads the policies among trees; what is none is passed over. What is wrong is in
    /// [`Policies::errors`], and a finding of every check.
    pub fn read<'n>(nodes: impl IntoIterator<Item = &'n Node>) -> Policies {
        let mut policies = Policies::default();
        let mut found: Vec<(PolicyKind, &Node)> = Vec::new();
        found.extend(nodes.into_iter().filter_map(|node| Some((kind_of(node)?, node))));
        let of = |kind: PolicyKind| {
            found
                .iter()
                .filter(move |(known, _)| *known == kind)
                .map(|(_, node)| *node)
        };
        for node in of(PolicyKind::Template) {
            match Template::read(node) {
                Ok(template) => policies.templates.push(template),
                Err(defect) => policies.refuse(defect, false),
            }
        }
        let broken: Vec<String> = of(PolicyKind::Template)
            .filter_map(|node| text(node, &["spec", "crd", "spec", "names", "kind"]))
            .map(str::to_owned)
            .collect();
        for node in of(PolicyKind::Constraint) {
            policies.add_constraint(node, &broken);
        }
        for node in of(PolicyKind::Admission) {
            match Policy::read(node) {
                Ok(policy) => policies.admission.push(policy),
                Err(mut defect) => {
                    let name = text(node, &["metadata", "name"]).unwrap_or_default();
                    defect.message = format!("the policy {name}: {}", defect.message);
                    policies.refuse(defect, false);
                }
            }
        }
        for node in of(PolicyKind::Binding) {
            let names: Vec<&str> = of(PolicyKind::Admission)
                .filter_map(|node| text(node, &["metadata", "name"]))
                .collect();
            policies.add_binding(node, &names);
        }
        policies.note_skipped();
        policies
    }

    fn refuse(&mut self, defect: Defect, is_constraint: bool) {
        self.errors.push(PolicyError {
            message: defect.message,
            mark: defect.mark,
            is_constraint,
        });
    }

    fn add_constraint(&mut self, node: &Node, known_kinds: &[String]) {
        let kind = text(node, &["kind"]).unwrap_or_default();
        let name = text(node, &["metadata", "name"]).unwrap_or_default();
        let mark = node.get("kind").map_or(node.mark, |kind| kind.mark);
        let Some(at) = self.templates.iter().position(|template| template.kind == kind) else {
            // A template that cannot be used was reported itself.
            if !known_kinds.iter().any(|known| known == kind) {
                self.refuse(
                    Defect::new(mark, format!("there is no template for the constraint {kind}/{name}")),
                    false,
                );
            }
            return;
        };
        match Constraint::read(node, self.templates[at].parameters.as_ref()) {
            Ok(constraint) if constraint.severity.is_some() => self.constraints.push((constraint, at)),
            Ok(constraint) => {
                let words = format!(
                    "the constraint {} is enforced at none of the points that are checked here",
                    constraint.rule()
                );
                self.skipped.push((mark, words));
            }
            Err(mut defect) => {
                defect.message = format!("the constraint {kind}/{name}: {}", defect.message);
                self.refuse(defect, true);
            }
        }
    }

    fn add_binding(&mut self, node: &Node, known: &[&str]) {
        match Binding::read(node) {
            Ok(binding) => match self.admission.iter().position(|policy| policy.name == binding.policy) {
                Some(at) => self.bindings.push((binding, at)),
                None if known.contains(&&*binding.policy) => {}
                None => {
                    let message = format!(
                        "the binding {} is of the policy {}, which is not there",
                        binding.name, binding.policy
                    );
                    self.refuse(Defect::new(binding.mark, message), false);
                }
            },
            Err(mut defect) => {
                let name = text(node, &["metadata", "name"]).unwrap_or_default();
                defect.message = format!("the binding {name}: {}", defect.message);
                self.refuse(defect, false);
            }
        }
    }

    fn note_skipped(&mut self) {
        for (at, policy) in self.admission.iter().enumerate() {
            if !self.bindings.iter().any(|(_, bound)| *bound == at) {
                let words = format!("the policy {} has no binding: it is enforced nowhere", policy.name);
                self.skipped.push((policy.mark, words));
            } else if policy.is_about_changes_alone() {
                let words = format!("the policy {} is about no object that is created", policy.name);
                self.skipped.push((policy.mark, words));
            }
        }
    }

    /// Whether there is nothing to check.
    pub fn is_empty(&self) -> bool {
        self.constraints.is_empty() && self.bindings.is_empty() && self.errors.is_empty() && self.skipped.is_empty()
    }

    /// What cannot be used.
    pub fn errors(&self) -> &[PolicyError] {
        &self.errors
    }

    /// The findings of all policies about objects, in the order of the objects, made on up to `jobs` threads.
    pub fn check(&self, objects: &[Resource], jobs: usize) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.errors.iter().map(invalid).collect();
        findings.extend(
            self.skipped
                .iter()
                .map(|(mark, words)| Finding::new("policy_skipped", Severity::Note, *mark, words.clone())),
        );
        if self.constraints.is_empty() && self.bindings.is_empty() {
            return findings;
        }
        let judged: Vec<&Resource> = objects
            .iter()
            .filter(|object| !Policies::is_policy(&object.node))
            .collect();
        let parts: Vec<&[&Resource]> = judged.chunks(AT_A_TIME).collect();
        let ground = self.ground(objects.iter().map(|object| &object.node));
        let next = AtomicUsize::new(0);
        let jobs = jobs.min(parts.len()).max(1);
        // Each thread has engines of its own, and takes the next part until there is none.
        let answers = parallel::map(jobs, jobs, |_| {
            let mut run = ground.start();
            let mut answers = Vec::new();
            while let Some((at, part)) = take(&next, &parts) {
                answers.push((at, run.judge(part)));
            }
            answers
        });
        let mut answers: Vec<_> = answers.into_iter().flatten().collect();
        answers.sort_unstable_by_key(|(at, _)| *at);
        // What failed on several threads failed on the first object, as on one thread, and was then left out.
        let mut failed = Failed::default();
        for (resource, answer) in answers.into_iter().flat_map(|(_, answers)| answers) {
            let counts = match &answer.failure {
                Some(failure) => failed.insert(failure.clone()),
                None => !failed.contains(&answer.rule),
            };
            if counts {
                findings.push(answer.finding(resource));
            }
        }
        findings
    }

    /// Prepares what runs share: `inventory` is what policies may look up.
    pub(crate) fn ground<'r>(&'r self, inventory: impl Iterator<Item = &'r Node> + Clone) -> Ground<'r> {
        let needs_inventory = self
            .templates
            .iter()
            .any(|template| matches!(&template.code, Code::Rego(rego) if rego.needs_inventory));
        let values = if needs_inventory {
            inventory_value(inventory.clone())
        } else {
            object([])
        };
        let namespaces = inventory.clone().filter(|node| is_namespace(node));
        let name = |node: &Node| text(node, &["metadata", "name"]).unwrap_or_default().to_owned();
        Ground {
            policies: self,
            inventory: values,
            namespaces: namespaces.map(|node| (name(node), with_name_label(node))).collect(),
            objects: inventory.collect(),
            parameters: self
                .constraints
                .iter()
                .map(|(constraint, _)| constraint.parameters().map_or_else(|| object([]), data::value))
                .collect(),
        }
    }
}

/// Objects that a thread judges at a time.
const AT_A_TIME: usize = 50;

/// The next part that no thread has taken, and its position.
fn take<'p, T>(next: &AtomicUsize, parts: &[&'p [T]]) -> Option<(usize, &'p [T])> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    parts.get(at).map(|part| (at, *part))
}

fn invalid(error: &PolicyError) -> Finding {
    Finding::new("policy_invalid", Severity::Error, error.mark, error.message.clone())
        .hint("a policy that cannot be used protects nothing: mend it, or remove it")
}

/// `data.inventory`: objects of the cluster by version, kind and name, others below their namespace.
fn inventory_value<'n>(nodes: impl Iterator<Item = &'n Node>) -> regorus::Value {
    type Level = BTreeMap<String, BTreeMap<String, BTreeMap<regorus::Value, regorus::Value>>>;
    let mut cluster: Level = BTreeMap::new();
    let mut namespaces: BTreeMap<String, Level> = BTreeMap::new();
    for node in nodes {
        let field = |path: &[&str]| text(node, path).unwrap_or_default().to_owned();
        let (version, kind, name) = (field(&["apiVersion"]), field(&["kind"]), field(&["metadata", "name"]));
        let level = match field(&["metadata", "namespace"]) {
            namespace if namespace.is_empty() => &mut cluster,
            namespace => namespaces.entry(namespace).or_default(),
        };
        level
            .entry(version)
            .or_default()
            .entry(kind)
            .or_default()
            .insert(name.into(), data::value(node));
    }
    let of_level = |level: Level| {
        let kinds = |kinds: BTreeMap<String, BTreeMap<regorus::Value, regorus::Value>>| {
            regorus::Value::from(
                kinds
                    .into_iter()
                    .map(|(kind, names)| (kind.into(), names.into()))
                    .collect::<BTreeMap<_, _>>(),
            )
        };
        regorus::Value::from(
            level
                .into_iter()
                .map(|(version, inner)| (version.into(), kinds(inner)))
                .collect::<BTreeMap<_, _>>(),
        )
    };
    let namespaces: BTreeMap<regorus::Value, regorus::Value> = namespaces
        .into_iter()
        .map(|(name, level)| (name.into(), of_level(level)))
        .collect();
    object([("cluster", of_level(cluster)), ("namespace", namespaces.into())])
}

/// A namespace that is not in the tree, with the label that every namespace has.
fn namespace_named(name: &str) -> Node {
    let mut metadata = Map::new();
    metadata.insert("name", Node::string(name));
    let mut namespace = Map::new();
    namespace.insert("apiVersion", Node::string("v1"));
    namespace.insert("kind", Node::string("Namespace"));
    namespace.insert("metadata", Node::map(metadata));
    with_name_label(&Node::map(namespace))
}

/// A namespace with the label that the cluster gives it.
fn with_name_label(namespace: &Node) -> Node {
    const LABEL: &str = "kubernetes.io/metadata.name";
    let mut namespace = namespace.clone();
    let name = text(&namespace, &["metadata", "name"]).unwrap_or_default().to_owned();
    if let Some(metadata) = namespace.get_mut("metadata").and_then(Node::as_map_mut) {
        if metadata.get("labels").is_none_or(|labels| labels.as_map().is_none()) {
            metadata.insert("labels", Node::map(Map::new()));
        }
        if let Some(labels) = metadata.get_mut("labels").and_then(Node::as_map_mut)
            && !labels.contains_key(LABEL)
        {
            labels.insert(LABEL, Node::string(name));
        }
    }
    namespace
}

/// What runs of policies over the same objects share.
pub(crate) struct Ground<'r> {
    policies: &'r Policies,
    /// `data.inventory`.
    inventory: regorus::Value,
    namespaces: HashMap<String, Node>,
    objects: Vec<&'r Node>,
    /// What each constraint tells its template.
    parameters: Vec<regorus::Value>,
}

/// Policies at work on one thread.
pub(crate) struct Run<'r> {
    ground: &'r Ground<'r>,
    /// One for each template in Rego that is used.
    runners: Vec<Option<Runner<'r>>>,
    broken: Vec<(Mark, String)>,
    failed: Failed,
}

/// What one policy says of one object.
pub(crate) struct Answer {
    pub(crate) rule: String,
    pub(crate) severity: Severity,
    pub(crate) violation: Violation,
    /// Where the policy stands, if it is not the object that is to be mended.
    pub(crate) failed_at: Option<Mark>,
    /// What failed, if it is not tried again: a constraint by its rule.
    failure: Option<String>,
    policy_mark: Mark,
    is_admission: bool,
}

impl Answer {
    fn finding(self, resource: &Resource) -> Finding {
        if let Some(mark) = self.failed_at {
            return Finding::new(self.rule, self.severity, mark, self.violation.message)
                .on(resource.id(), "")
                .hint("what cannot be evaluated protects nothing: mend the policy");
        }
        let place = place(&self.violation, &resource.node);
        let mut finding =
            Finding::new(self.rule, self.severity, place.mark, self.violation.message).on(resource.id(), place.field);
        if self.is_admission && !self.violation.details.is_empty() {
            let annotations = self
                .violation
                .details
                .iter()
                .map(|(key, value)| format!("{key}: {value}"));
            finding = finding.hint(format!(
                "its audit annotations: {}",
                annotations.collect::<Vec<_>>().join(", ")
            ));
        }
        if self.policy_mark.is_some() {
            finding = finding.related(self.policy_mark, "asked for here");
        }
        finding
    }
}

impl Ground<'_> {
    /// Makes the engines of one thread.
    pub(crate) fn start(&self) -> Run<'_> {
        let mut run = Run {
            ground: self,
            runners: Vec::new(),
            broken: Vec::new(),
            failed: Failed::default(),
        };
        for (at, template) in self.policies.templates.iter().enumerate() {
            let is_used = self.policies.constraints.iter().any(|(_, template)| *template == at);
            run.runners.push(match &template.code {
                Code::Rego(rego) if is_used => match rego.runner(&self.inventory) {
                    Ok(runner) => Some(runner),
                    Err(words) => {
                        run.broken.push((
                            template.mark,
                            format!("the template {} cannot be evaluated: {words}", template.name),
                        ));
                        None
                    }
                },
                _ => None,
            });
        }
        run
    }

    /// The namespace of a name, as it is among the objects.
    pub(crate) fn namespace(&self, name: &str) -> Option<&Node> {
        self.namespaces.get(name)
    }
}

impl Run<'_> {
    /// What the policies say of objects that are created.
    fn judge<'o>(&mut self, objects: &[&'o Resource]) -> Vec<(&'o Resource, Answer)> {
        let mut answers = Vec::new();
        for &resource in objects {
            let name = resource.namespace();
            let known = self.ground.namespace(name).cloned();
            let namespace = known.or_else(|| (!name.is_empty()).then(|| namespace_named(name)));
            let review = Review::of_object(&resource.node, namespace);
            answers.extend(self.review(&review).into_iter().map(|answer| (resource, answer)));
        }
        answers
    }

    /// What the policies say of a review.
    pub(crate) fn review(&mut self, review: &Review) -> Vec<Answer> {
        let mut answers: Vec<Answer> = self
            .broken
            .drain(..)
            .map(|(mark, words)| Answer {
                failure: Some(words.clone()),
                ..failure("policy_failed", mark, words)
            })
            .collect();
        let ground = self.ground;
        let mut rego_review = None;
        let mut cel_review = None;
        for (at, (constraint, template)) in ground.policies.constraints.iter().enumerate() {
            if !constraint.subject.matches(review) || self.failed.contains(&constraint.rule()) {
                continue;
            }
            let template = (&ground.policies.templates[*template], *template);
            let violations = match &template.0.code {
                Code::Rego(rego) => {
                    let Some(runner) = &mut self.runners[template.1] else {
                        continue;
                    };
                    let value = rego_review.get_or_insert_with(|| review_value(review));
                    match runner.run(value, &ground.parameters[at]) {
                        Ok(violations) => violations,
                        Err(words) => {
                            self.failed.insert(constraint.rule());
                            let words = format!(
                                "the template {} cannot be evaluated for {}: {words}",
                                template.0.name,
                                constraint.rule()
                            );
                            answers.push(Answer {
                                failure: Some(constraint.rule()),
                                ..failure("policy_failed", rego.mark, words)
                            });
                            continue;
                        }
                    }
                }
                Code::Cel(rules) => {
                    let values = cel_review.get_or_insert_with(|| ReviewValues::new(review));
                    let parameters = constraint
                        .parameters()
                        .map_or(expression::Value::Null, expression::Value::from_node);
                    let surroundings = Surroundings {
                        params: None,
                        variables: vec![("params", parameters), ("anyObject", values.any_object())],
                    };
                    let Verdict { violations, ignored } = rules.judge(values, &surroundings);
                    for words in ignored {
                        answers.push(skipped(&constraint.rule(), constraint.mark, &words));
                    }
                    violations
                }
            };
            answers.extend(violations.into_iter().map(|violation| Answer {
                rule: constraint.rule(),
                severity: constraint.severity.unwrap_or(Severity::Error),
                violation,
                failed_at: None,
                failure: None,
                policy_mark: constraint.mark,
                is_admission: false,
            }));
        }
        for (binding, at) in &ground.policies.bindings {
            let policy = &ground.policies.admission[*at];
            if !policy.matches(review) || !binding.matches(review) {
                continue;
            }
            let rule = format!("ValidatingAdmissionPolicy/{}", policy.name);
            let params = match binding.params(policy, review, ground.objects.iter().copied()) {
                Params::None => vec![None],
                Params::Found(found) => found.into_iter().map(Some).collect(),
                Params::Missing { is_allowed } => {
                    let words = format!("the binding {} finds no parameters in the tree", binding.name);
                    let missing = format!("{rule} {}", binding.name);
                    if self.failed.insert(missing.clone()) {
                        let mut answer = skipped(&rule, binding.mark, &words);
                        answer.failure = Some(missing);
                        if !is_allowed {
                            answer.severity = binding.severity;
                        }
                        answers.push(answer);
                    }
                    continue;
                }
            };
            let values = cel_review.get_or_insert_with(|| ReviewValues::new(review));
            for params in params {
                let surroundings = Surroundings {
                    params,
                    variables: Vec::new(),
                };
                let Verdict { violations, ignored } = policy.rules.judge(values, &surroundings);
                answers.extend(ignored.into_iter().map(|words| skipped(&rule, policy.mark, &words)));
                answers.extend(violations.into_iter().map(|violation| Answer {
                    rule: rule.clone(),
                    severity: binding.severity,
                    violation,
                    failed_at: None,
                    failure: None,
                    policy_mark: policy.mark,
                    is_admission: true,
                }));
            }
        }
        answers
    }
}

fn failure(rule: &str, mark: Mark, message: String) -> Answer {
    Answer {
        rule: rule.to_owned(),
        severity: Severity::Error,
        violation: Violation {
            message,
            details: Vec::new(),
        },
        failed_at: Some(mark),
        failure: None,
        policy_mark: Mark::NONE,
        is_admission: false,
    }
}

fn skipped(rule: &str, mark: Mark, words: &str) -> Answer {
    Answer {
        severity: Severity::Note,
        ..failure("policy_skipped", mark, format!("{rule} was not evaluated: {words}"))
    }
}
