//! A document of many policies, of which only the places are kept: for each result what it is about, and who has which
//! roles there. A result becomes facts when it matters.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use yaml::Source;

use super::results::{Results, WithPolicy, read_parts, read_results};
use crate::name::ResourceName;
use crate::state::State;

/// The places of a document.
#[derive(Debug)]
pub(crate) struct Outline {
    source: Arc<Source>,
    parts: Vec<Part>,
}

/// Which result of an outline, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ResultId {
    part: usize,
    at: usize,
}

/// A place in the text.
type Span = Range<u32>;

/// What one thread read.
#[derive(Debug, Default)]
struct Part {
    results: Vec<Outlined>,
    bindings: Vec<OutlinedBinding>,
    members: Vec<Span>,
    roles: Vec<Span>,
}

#[derive(Debug)]
struct Outlined {
    text: Span,
    resource: Span,
    /// Its own among the bindings.
    bindings: Range<u32>,
}

#[derive(Debug)]
struct OutlinedBinding {
    /// The number of its role.
    role: u32,
    /// Its own among the members.
    members: Range<u32>,
}

/// A part while it is read.
#[derive(Default)]
struct Reading<'t> {
    part: Part,
    roles: HashMap<&'t str, u32>,
    /// The project that the last results are in, whose name makes sense.
    project: String,
}

impl Outline {
    /// The outline of a document, unless it is something else than a list of results, or something in it makes no
    /// sense or is written with escapes.
    pub(crate) fn of(source: &Arc<Source>) -> Option<Outline> {
        let text = source.text();
        u32::try_from(text.len()).ok()?;
        let parts = read_parts(text, |reading: &mut Reading<'_>, place, result| {
            reading.add(text, place, &result)
        })?;
        Some(Outline {
            source: source.clone(),
            parts: parts.into_iter().map(|reading| reading.part).collect(),
        })
    }

    /// The results, with the resources as they are written.
    pub(crate) fn resources(&self) -> impl Iterator<Item = (ResultId, &str)> {
        self.each()
            .map(|(id, part, result)| (id, self.text(&part.results[result].resource)))
    }

    /// The results with a binding of one of some roles for one of some members, as they are written.
    pub(crate) fn naming(&self, is_role: impl Fn(&str) -> bool, is_member: impl Fn(&str) -> bool) -> Vec<ResultId> {
        let mut found = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            let roles: Vec<bool> = part.roles.iter().map(|role| is_role(self.text(role))).collect();
            let is_meant = |binding: &OutlinedBinding| {
                roles[binding.role as usize]
                    && part.members[range(&binding.members)]
                        .iter()
                        .any(|member| is_member(self.text(member)))
            };
            let is_found = |result: &Outlined| part.bindings[range(&result.bindings)].iter().any(is_meant);
            let results = part.results.iter().enumerate().filter(|(_, result)| is_found(result));
            found.extend(results.map(|(at, _)| ResultId { part: number, at }));
        }
        found
    }

    /// What some results say.
    pub(crate) fn state(&self, ids: &[ResultId]) -> State {
        let mut results = Results::default();
        for id in ids {
            let text = self.text(&self.parts[id.part].results[id.at].text);
            // It was read before, and makes sense.
            let _ = results.add_text(text, &self.source);
        }
        results.state
    }

    /// What all results say.
    pub(crate) fn whole(&self) -> State {
        read_results(&self.source).unwrap_or_default()
    }

    fn each(&self) -> impl Iterator<Item = (ResultId, &Part, usize)> {
        let parts = self.parts.iter().enumerate();
        parts
            .flat_map(|(number, part)| (0..part.results.len()).map(move |at| (ResultId { part: number, at }, part, at)))
    }

    fn text(&self, span: &Span) -> &str {
        &self.source.text()[range(span)]
    }
}

impl<'t> Reading<'t> {
    fn add(&mut self, text: &str, place: Range<usize>, result: &WithPolicy<'t>) -> Option<()> {
        let policy = &result.policy.0;
        policy.check_version().ok()?;
        ResourceName::parse(&result.resource).ok()?;
        if result.project.as_ref().is_none_or(|project| *project != self.project) {
            result
                .above()
                .try_for_each(|name| ResourceName::parse(name).map(|_| ()))
                .ok()?;
            self.project = result.project.clone().unwrap_or_default();
        }
        let part = &mut self.part;
        let bindings = count(&part.bindings)..count(&part.bindings) + count(&policy.bindings);
        for binding in &policy.bindings {
            let Cow::Borrowed(role) = binding.role else { return None };
            let role = *self.roles.entry(role).or_insert_with(|| {
                part.roles.push(span(role, text));
                count(&part.roles) - 1
            });
            let members = count(&part.members)..count(&part.members) + count(&binding.members);
            for member in &binding.members {
                let Cow::Borrowed(member) = member.0 else { return None };
                part.members.push(span(member, text));
            }
            part.bindings.push(OutlinedBinding { role, members });
        }
        let Cow::Borrowed(resource) = result.resource else {
            return None;
        };
        part.results.push(Outlined {
            text: span(&text[place], text),
            resource: span(resource, text),
            bindings,
        });
        Some(())
    }
}

/// How many there are. The text is shorter than 4 GiB, and each is a part of it.
fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

fn range(span: &Range<u32>) -> Range<usize> {
    span.start as usize..span.end as usize
}

/// Where a part of a text stands in it.
fn span(part: &str, text: &str) -> Span {
    let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    place(start)..place(start + part.len())
}
