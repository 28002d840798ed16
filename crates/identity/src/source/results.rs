//! The results of `gcloud asset search-all-iam-policies`. A document may hold tens of thousands, so that it is cut into
//! parts, which several threads read.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;
use yaml::{Mark, Source};

use super::StateError;
use crate::name::ResourceName;
use crate::policy::{OnlyObject, Policy, PolicyDocument, object};
use crate::state::State;

/// One result: `P` is its policy, or the text of it.
#[derive(Deserialize)]
pub(super) struct SearchResult<'t, P> {
    #[serde(borrow)]
    pub(super) resource: Cow<'t, str>,
    #[serde(default)]
    pub(super) project: Option<String>,
    #[serde(default)]
    pub(super) folders: Vec<String>,
    #[serde(default)]
    pub(super) organization: Option<String>,
    pub(super) policy: P,
}

/// A result with its policy.
pub(super) type WithPolicy<'t> = SearchResult<'t, OnlyObject<PolicyDocument<'t>>>;

impl<'t> WithPolicy<'t> {
    fn split(self) -> (SearchResult<'t, ()>, PolicyDocument<'t>) {
        let SearchResult {
            resource,
            project,
            folders,
            organization,
            policy,
        } = self;
        (
            SearchResult {
                resource,
                project,
                folders,
                organization,
                policy: (),
            },
            policy.0,
        )
    }
}

impl<P> SearchResult<'_, P> {
    /// The names of what the resource is in, the nearest first.
    pub(super) fn above(&self) -> impl Iterator<Item = &String> {
        self.project.iter().chain(&self.folders).chain(&self.organization)
    }
}

/// So many bytes are worth a thread.
const AT_A_TIME: usize = 256 * 1024;

/// Hands each result of a document to what its part of the document becomes, with the place of its text. The parts are
/// in order. None where the document is something else than a list of results, or `take` can make nothing of one:
/// what is wrong with it is said by those who read it piece by piece.
pub(super) fn read_parts<'t, S: Default + Send>(
    text: &'t str,
    take: impl Fn(&mut S, Range<usize>, WithPolicy<'t>) -> Option<()> + Sync,
) -> Option<Vec<S>> {
    let first = skip_space(text, text.find('[')? + 1);
    if !text[..first].trim().eq("[") {
        return None;
    }
    if text[first..].starts_with(']') {
        return text[first + 1..].trim().is_empty().then(Vec::new);
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let size = text.len().div_ceil(threads).max(AT_A_TIME);
    let mut starts = vec![first];
    starts.extend((size..text.len()).step_by(size).filter_map(|at| next_result(text, at)));
    starts.dedup();
    let read = |at: usize| {
        let mut part = S::default();
        read_part(text, starts[at], starts.get(at + 1).copied(), |place, result| {
            take(&mut part, place, result)
        })?;
        Some(part)
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..starts.len()).map(|at| scope.spawn(move || read(at))).collect();
        let first = read(0);
        let others = others.into_iter().map(|thread| match thread.join() {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(first).chain(others).collect()
    })
}

/// Reads the results from a place on, up to another one: the part before must end where the next begins.
fn read_part<'t>(
    text: &'t str,
    mut at: usize,
    end: Option<usize>,
    mut take: impl FnMut(Range<usize>, WithPolicy<'t>) -> Option<()>,
) -> Option<()> {
    loop {
        let (result, length) = result_at(text, at)?;
        take(at..at + length, result)?;
        at = skip_space(text, at + length);
        let is_last = text[at..].starts_with(']');
        if !is_last && !text[at..].starts_with(',') {
            return None;
        }
        at = skip_space(text, at + 1);
        match end {
            None if is_last => return (at == text.len()).then_some(()),
            Some(end) if end == at && !is_last => return Some(()),
            Some(end) if end <= at || is_last => return None,
            _ => {}
        }
    }
}

fn result_at(text: &str, at: usize) -> Option<(WithPolicy<'_>, usize)> {
    let mut results = serde_json::Deserializer::from_str(text.get(at..)?).into_iter::<OnlyObject<WithPolicy<'_>>>();
    let result = results.next()?.ok()?;
    Some((result.0, results.byte_offset()))
}

/// The first result that begins behind a place: an object behind a comma that can be read as one.
fn next_result(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let braces = (from..text.len()).filter(|&at| bytes[at] == b'{');
    let behind_comma = |&at: &usize| bytes[..at].trim_ascii_end().ends_with(b",");
    braces.filter(behind_comma).find(|&at| result_at(text, at).is_some())
}

/// Where something stands again, at a place or behind the space there.
fn skip_space(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.len() - rest.trim_ascii_start().len()
}

/// What the results of a document say, if it is a list of results that all make sense.
pub(super) fn read_results(source: &Source) -> Option<State> {
    let text = source.text();
    let parts = read_parts(text, |part: &mut Results, place, result| {
        part.add_result(result, source.mark(place.start), source)
    })?;
    let mut state = State::default();
    parts.into_iter().for_each(|part| state.merge(part.state));
    Some(state)
}

/// Results while they are made facts. What most of them repeat is read once.
#[derive(Default)]
pub(super) struct Results {
    pub(super) state: State,
    /// Names of projects and of what they are in, whose place is known.
    above: BTreeSet<String>,
    project: String,
}

impl Results {
    /// Adds what the text of one result says.
    pub(super) fn add_text(&mut self, text: &str, source: &Source) -> Result<(), StateError> {
        let result: SearchResult<'_, &RawValue> = object(text)?;
        let resource = ResourceName::parse(&result.resource)?;
        let policy = Policy::read(result.policy.get(), source).map_err(|error| StateError::at(&resource, error))?;
        self.add(resource, &result, policy)
    }

    /// Adds what one result says, if that makes sense.
    pub(super) fn add_result(&mut self, result: WithPolicy<'_>, mark: Mark, source: &Source) -> Option<()> {
        let resource = ResourceName::parse(&result.resource).ok()?;
        let (result, policy) = result.split();
        let policy = policy.policy(mark, source).ok()?;
        self.add(resource, &result, policy).ok()
    }

    fn add<P>(
        &mut self,
        resource: ResourceName,
        result: &SearchResult<'_, P>,
        policy: Policy,
    ) -> Result<(), StateError> {
        let state = &mut self.state;
        let is_manager = resource.service() == "cloudresourcemanager.googleapis.com";
        if let Some(project) = &result.project
            && *project != self.project
        {
            // The search covers all that is in the project.
            state.whole_projects.insert(ResourceName::parse(project)?);
            self.project.clone_from(project);
        }
        let mut above = result.above();
        // A project is a result of its own, with itself as its project; the number is said there only.
        let mut child = resource.clone();
        if is_manager
            && let Some(id) = resource.project_id()
            && let Some(number) = above.next().and_then(|name| name.strip_prefix("projects/"))
        {
            state.project_numbers.insert(number.to_owned(), id.to_owned());
        }
        for name in above {
            let parent = ResourceName::parse(name)?;
            if parent != child {
                state.parents.push((child, parent.clone()));
            }
            if !self.above.insert(name.clone()) {
                break;
            }
            child = parent;
        }
        state.policies.push((resource, policy));
        Ok(())
    }
}
