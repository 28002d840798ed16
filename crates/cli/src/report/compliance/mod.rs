//! The compliance report, for a person and for a program.

mod html;
mod json;

use check::{Compliance, Report};
use yaml::Sources;

pub(crate) use html::render as html;
pub(crate) use json::render as json;

/// What is reported on, and when.
pub(crate) struct Subject<'a> {
    pub(crate) report: &'a Report<'a>,
    pub(crate) sources: &'a Sources,
    pub(crate) compliance: Compliance<'a>,
    pub(crate) commit: Option<&'a str>,
    pub(crate) time: Option<&'a str>,
}
