//! Conditions of grants: CEL over the resource and the request
//! (<https://cloud.google.com/iam/docs/conditions-attribute-reference>).

use expression::{Environment, Error, Meter, Program, Timestamp, Value};

use crate::name::ResourceName;
use crate::policy::Condition;

/// Google's limit is twelve logical operators; this is room for all that fits in there.
const COST_LIMIT: u64 = 100_000;

/// What a condition comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    Fails,
    /// It reads what is not known here, or is malformed.
    Unknown(String),
}

/// Long before and after every policy.
const PAST: &str = "2000-01-01T00:00:00Z";

impl Condition {
    fn program(&self) -> Result<Program, String> {
        let environment =
            Environment::new(["resource", "request", "api", "destination", "origin", "levels"]).with_iam();
        Program::compile(&self.expression, &environment).map_err(|error| error.to_string())
    }

    /// What is wrong with the text, if it is no CEL.
    pub fn syntax_error(&self) -> Option<String> {
        self.program().err()
    }

    /// Whether the condition is about the time alone, and held once and does not any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        if !self.expression.contains("request.time") || self.expression.contains("resource.") {
            return false;
        }
        let anything = ResourceName::project("any");
        let holds = |time| self.verdict(&anything, Some(time)) == Verdict::Holds;
        // A condition on the hour holds again tomorrow.
        let is_recurring = ["getHours", "getDay", "getMinutes"]
            .iter()
            .any(|name| self.expression.contains(name));
        !is_recurring && !holds(now) && Timestamp::parse(PAST).is_some_and(holds)
    }

    /// Whether the condition holds for an access to a resource at a time.
    pub fn verdict(&self, resource: &ResourceName, time: Option<Timestamp>) -> Verdict {
        let program = match self.program() {
            Ok(program) => program,
            Err(error) => return Verdict::Unknown(format!("its condition is malformed: {error}")),
        };
        let mut of_resource = vec![
            ("name", Value::from(resource.path())),
            ("service", Value::from(resource.service())),
        ];
        if let Some(kind) = resource.kind() {
            of_resource.push(("type", Value::from(kind)));
        }
        let of_request: Vec<(&str, Value)> = time.into_iter().map(|time| ("time", Value::Timestamp(time))).collect();
        let bindings = [
            ("resource", Value::map(of_resource)),
            ("request", Value::map(of_request)),
        ];
        match program.eval(&bindings, &Meter::new(COST_LIMIT)) {
            Ok(value) => match value.as_bool() {
                Some(true) => Verdict::Holds,
                Some(false) => Verdict::Fails,
                None => Verdict::Unknown("its condition is no yes or no".to_owned()),
            },
            Err(Error::Failed(message)) => Verdict::Unknown(format!("its condition cannot be told here: {message}")),
            Err(Error::Exhausted) => Verdict::Unknown("its condition takes too long".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Google's documented examples, and what they come to.
    #[test]
    fn documented_conditions() {
        let object = "gs://example-bucket/order_date=2019-11-03/a.txt";
        let noon = "2026-08-05T12:00:00Z";
        let table = [
            (
                r#"resource.name.startsWith("projects/_/buckets/example-bucket/objects/order")"#,
                object,
                true,
            ),
            (
                r#"resource.name.extract("/order_date={date}/") == "2019-11-03""#,
                object,
                true,
            ),
            (
                r#"resource.name.extract("/objects/{rest}") == "order_date=2019-11-03/a.txt""#,
                object,
                true,
            ),
            (r#"resource.name.extract("/none={x}/") == """#, object, true),
            (
                r#"resource.type == "storage.googleapis.com/Object" && resource.name.endsWith(".txt")"#,
                object,
                true,
            ),
            (r#"resource.service == "secretmanager.googleapis.com""#, object, false),
            (
                r#"(resource.type != "storage.googleapis.com/Bucket") || resource.name == "x""#,
                object,
                true,
            ),
            (r#"request.time < timestamp("2026-12-31T23:59:59.000Z")"#, object, true),
            (
                r#"request.time.getHours("Europe/Berlin") >= 9 && request.time.getHours("Europe/Berlin") <= 17"#,
                object,
                true,
            ),
            (r#"request.time.getDayOfWeek("Europe/Berlin") == 0"#, object, false),
        ];
        for (text, resource, holds) in table {
            let condition = Condition {
                title: String::new(),
                expression: text.to_owned(),
            };
            let resource = ResourceName::parse(resource).unwrap();
            let expected = if holds { Verdict::Holds } else { Verdict::Fails };
            assert_eq!(condition.verdict(&resource, Timestamp::parse(noon)), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        let table = [
            ("request.time <", "its condition is malformed"),
            (
                "request.time < timestamp('2026-12-31T00:00:00Z')",
                "its condition cannot be told here",
            ),
            (
                "resource.matchTag('1/env', 'prod')",
                "its condition cannot be told here: the tags of the resource are not known",
            ),
            ("resource.matchTag('1/env')", "its condition is malformed"),
            ("'yes'", "its condition is no yes or no"),
        ];
        for (text, message) in table {
            let condition = Condition {
                title: String::new(),
                expression: text.to_owned(),
            };
            let verdict = condition.verdict(&ResourceName::project("acme"), None);
            assert!(
                matches!(&verdict, Verdict::Unknown(why) if why.starts_with(message)),
                "{text}: {verdict:?}"
            );
        }
    }
}
