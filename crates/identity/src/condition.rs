//! Conditions of grants: CEL over the resource and the request
//! (<https://cloud.google.com/iam/docs/conditions-attribute-reference>).

use expression::{Environment, Error, Meter, Program, Timestamp, Value};

use crate::name::{Attributes, ResourceName};
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
        let holds = |time| self.verdict(&anything, "", Some(time)) == Verdict::Holds;
        // A condition on the hour holds again tomorrow.
        let is_recurring = ["getHours", "getDay", "getMinutes"]
            .iter()
            .any(|name| self.expression.contains(name));
        !is_recurring && !holds(now) && Timestamp::parse(PAST).is_some_and(holds)
    }

    /// Whether the condition of a grant holds when a permission is used on a resource at a time.
    ///
    /// A part that reads what the resource does not have never grants
    /// (<https://cloud.google.com/iam/docs/conditions-attribute-reference#inherited-conditions>): its name is missing, and
    /// it is of another type and service than any that is asked for.
    pub fn verdict(&self, resource: &ResourceName, permission: &str, time: Option<Timestamp>) -> Verdict {
        let attributes = resource.attributes();
        let mut of_resource = vec![("service", Value::from(attributes.service))];
        of_resource.extend(attributes.kind.map(|kind| ("type", Value::from(kind))));
        of_resource.extend(attributes.name.map(|name| ("name", Value::from(name))));
        let of_request: Vec<(&str, Value)> = time.into_iter().map(|time| ("time", Value::Timestamp(time))).collect();
        let of_api = attributes_of_api(permission)
            .iter()
            .map(|name| (*name, Value::Bool(true)));
        let bindings = [
            ("resource", Value::map(of_resource)),
            ("request", Value::map(of_request)),
            ("api", Value::map(of_api)),
        ];
        match self.evaluated(&bindings) {
            // What fails with all that there is to know fails for IAM, too.
            Verdict::Unknown(_) if self.reads_what_is_known(&attributes, time) => Verdict::Fails,
            verdict => verdict,
        }
    }

    /// Whether the condition of a denial holds. It can read tags alone
    /// (<https://cloud.google.com/iam/docs/reference/rest/v2/policies#denyrule>), which nobody knows here.
    pub fn verdict_of_denial(&self) -> Verdict {
        match self.program() {
            Ok(program) if !program.fields_of("resource").is_empty() || !program.fields_of("request").is_empty() => {
                Verdict::Unknown("its condition reads more than tags, and denials cannot".to_owned())
            }
            _ => self.evaluated(&[("resource", Value::map(Vec::<(&str, Value)>::new()))]),
        }
    }

    fn evaluated<const N: usize>(&self, bindings: &[(&str, Value); N]) -> Verdict {
        let program = match self.program() {
            Ok(program) => program,
            Err(error) => return Verdict::Unknown(format!("its condition is malformed: {error}")),
        };
        match program.eval(bindings, &Meter::new(COST_LIMIT)) {
            Ok(value) => match value.as_bool() {
                Some(true) => Verdict::Holds,
                Some(false) => Verdict::Fails,
                None => Verdict::Unknown("its condition is no yes or no".to_owned()),
            },
            Err(Error::Failed(message)) => Verdict::Unknown(format!("its condition cannot be told here: {message}")),
            Err(Error::Exhausted) => Verdict::Unknown("its condition takes too long".to_owned()),
        }
    }

    /// Whether it reads something, and nothing that would have to be known.
    fn reads_what_is_known(&self, attributes: &Attributes<'_>, time: Option<Timestamp>) -> bool {
        let Ok(program) = self.program() else { return false };
        let of_resource = program.fields_of("resource");
        let of_request = program.fields_of("request");
        let is_known =
            |field: &&str| matches!(*field, "name" | "service") || *field == "type" && attributes.kind.is_some();
        let others = ["api.", "destination.", "origin.", "levels", "Tag"];
        !(of_resource.is_empty() && of_request.is_empty())
            && of_resource.iter().all(is_known)
            && of_request.iter().all(|field| *field == "time" && time.is_some())
            && !others.iter().any(|name| self.expression.contains(name))
    }
}

/// What a request with a permission may say, as `api.getAttribute` reads it; other requests do not
/// (<https://cloud.google.com/iam/docs/conditions-attribute-reference#api-attributes>).
fn attributes_of_api(permission: &str) -> &'static [&'static str] {
    match permission {
        "storage.objects.list" => &["storage.googleapis.com/objectListPrefix"],
        _ if permission.ends_with(".setIamPolicy") => &["iam.googleapis.com/modifiedGrantsByRole"],
        _ if permission.starts_with("aiplatform.") => &[
            "aiplatform.googleapis.com/memoryScope",
            "aiplatform.googleapis.com/sessionUserId",
        ],
        _ => &[],
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
            let verdict = condition.verdict(&resource, "storage.objects.get", Timestamp::parse(noon));
            assert_eq!(verdict, expected, "{text}");
        }
    }

    fn verdict(expression: &str, resource: &str, permission: &str, time: &str) -> Verdict {
        let condition = Condition {
            title: String::new(),
            expression: expression.to_owned(),
        };
        condition.verdict(
            &ResourceName::parse(resource).unwrap(),
            permission,
            Timestamp::parse(time),
        )
    }

    /// The examples of <https://cloud.google.com/iam/docs/conditions-attribute-reference#extract>.
    #[test]
    fn documented_templates() {
        let object = "gs://acme-orders-aaa/data_lake/orders/order_date=2019-11-03/aef87g87ae0876";
        let whole = "projects/_/buckets/acme-orders-aaa/objects/data_lake/orders/order_date=2019-11-03/aef87g87ae0876";
        let table = [
            ("/order_date={date}/", "2019-11-03"),
            ("buckets/{name}/", "acme-orders-aaa"),
            ("/orders/{empty}order_date", ""),
            ("{start}/objects/data_lake", "projects/_/buckets/acme-orders-aaa"),
            ("orders/{end}", "order_date=2019-11-03/aef87g87ae0876"),
            ("{all}", whole),
            ("/orders/{none}/order_date=", ""),
            ("/orders/order_date=2019-11-03/{id}/data_lake", ""),
        ];
        for (template, found) in table {
            let expression = format!("resource.name.extract('{template}') == '{found}'");
            assert_eq!(
                verdict(&expression, object, "storage.objects.get", PAST),
                Verdict::Holds,
                "{template}"
            );
        }
    }

    /// The examples of <https://cloud.google.com/iam/docs/conditions-attribute-reference#date-time>.
    #[test]
    fn documented_times() {
        let office = r#"request.time.getDayOfWeek("Europe/Berlin") >= 1 && request.time.getDayOfWeek("Europe/Berlin") <= 5 &&
            request.time.getHours("Europe/Berlin") >= 9 && request.time.getHours("Europe/Berlin") <= 17"#;
        let half_past =
            r#"request.time.getHours("Europe/Berlin") >= 9 && request.time.getMinutes("Europe/Berlin") >= 30"#;
        let table = [
            (
                r#"request.time < timestamp("2022-04-12T00:00:00.00Z")"#,
                "2022-04-11T23:59:59Z",
                true,
            ),
            (
                r#"request.time < timestamp("2022-04-12T00:00:00.00Z")"#,
                "2022-04-12T00:00:00Z",
                false,
            ),
            (
                r#"request.time <= timestamp("2022-04-12T00:00:00.00Z")"#,
                "2022-04-12T00:00:00Z",
                true,
            ),
            (
                r#"request.time > timestamp("2022-04-12T00:00:00.00Z")"#,
                "2022-04-12T00:00:00Z",
                false,
            ),
            (
                r#"request.time >= timestamp("2022-04-12T00:00:00.00Z")"#,
                "2022-04-12T00:00:00Z",
                true,
            ),
            (
                r#"request.time == timestamp("2024-04-12T14:30:00.00Z") + duration("1800s")"#,
                "2024-04-12T15:00:00Z",
                true,
            ),
            (
                r#"request.time == timestamp("2024-04-12T14:30:00.00Z") - duration("5184000s")"#,
                "2024-02-12T14:30:00Z",
                true,
            ),
            (r#"request.time == date("2023-02-01")"#, "2023-02-01T00:00:00Z", true),
            ("request.time.getDate() > 15", "2022-04-16T00:00:00Z", true),
            ("request.time.getDate() > 15", "2022-04-15T23:59:59Z", false),
            ("request.time.getDayOfMonth() > 14", "2022-04-16T00:00:00Z", true),
            ("request.time.getDayOfMonth() > 14", "2022-04-15T00:00:00Z", false),
            // Friday, and Sunday in Berlin already.
            (
                r#"request.time.getDayOfWeek("Europe/Berlin") > 0"#,
                "2022-04-15T12:00:00Z",
                true,
            ),
            (
                r#"request.time.getDayOfWeek("Europe/Berlin") > 0"#,
                "2022-04-16T23:00:00Z",
                false,
            ),
            (
                r#"request.time.getDayOfYear("America/Los_Angeles") < 5"#,
                "2023-01-06T07:59:59Z",
                true,
            ),
            (
                r#"request.time.getDayOfYear("America/Los_Angeles") < 5"#,
                "2023-01-06T08:00:00Z",
                false,
            ),
            (
                r#"request.time.getFullYear("America/Los_Angeles") == 2023"#,
                "2024-01-01T07:00:00Z",
                true,
            ),
            ("request.time.getFullYear() == 2022", "2022-12-31T23:59:59Z", true),
            (
                r#"request.time.getMonth("America/Los_Angeles") == 3"#,
                "2023-05-01T06:00:00Z",
                true,
            ),
            (r#"request.time.getHours("+01:00") == 13"#, "2023-05-01T12:00:00Z", true),
            (office, "2022-04-15T15:30:00Z", true),
            (office, "2022-04-16T12:00:00Z", false),
            (half_past, "2022-04-15T07:30:00Z", true),
            (half_past, "2022-04-15T08:29:00Z", false),
            // What is no time never allows.
            (r#"request.time < timestamp("tomorrow")"#, "2022-04-15T08:29:00Z", false),
            (r#"request.time < date("2022-4-1")"#, "2022-03-15T08:29:00Z", false),
        ];
        for (expression, time, holds) in table {
            let expected = if holds { Verdict::Holds } else { Verdict::Fails };
            let found = verdict(expression, "projects/acme", "storage.buckets.list", time);
            assert_eq!(found, expected, "{expression} at {time}");
        }
    }

    /// The examples of <https://cloud.google.com/iam/docs/configuring-resource-based-access>, and of
    /// <https://cloud.google.com/iam/docs/conditions-attribute-reference#resource-attributes>; and which resources have
    /// attributes at all.
    #[test]
    fn documented_resources() {
        let orders = "resource.type == 'storage.googleapis.com/Object' && \
                      request.time - duration('2592000s') < date(resource.name.extract('/order_date={date_str}/'))";
        let one_bucket = "(resource.type != 'storage.googleapis.com/Bucket' && resource.type != 'storage.googleapis.com/Object') \
                          || resource.name.startsWith('projects/_/buckets/example-bucket')";
        let others = "resource.type != 'compute.googleapis.com/Disk' || resource.name.endsWith('devResource')";
        let order = "gs://acme-orders-aaa/data_lake/orders/order_date=2019-11-03/aef87g87ae0876";
        let account = "devResource@acme.iam.gserviceaccount.com";
        let endpoint = "//aiplatform.googleapis.com/projects/acme/locations/europe-west4/endpoints/7";
        let disk = "//compute.googleapis.com/projects/acme/zones/us-east1-b/disks/devResource";
        let (holds, fails) = (Some(true), Some(false));
        let table = [
            (orders, order, holds),
            (
                orders,
                "gs://acme-orders-aaa/data_lake/orders/order_date=2019-10-03/a",
                fails,
            ),
            (orders, "gs://acme-orders-aaa/data_lake/orders/none", fails),
            (one_bucket, "gs://example-bucket", holds),
            (one_bucket, "gs://example-bucket/a/b", holds),
            (one_bucket, "gs://another-bucket/a", fails),
            (one_bucket, "projects/acme", holds),
            (one_bucket, account, holds),
            (
                r#"resource.name != "projects/_/buckets/secret-bucket-123""#,
                "gs://other",
                holds,
            ),
            (
                r#"resource.name != "projects/_/buckets/secret-bucket-123""#,
                "gs://secret-bucket-123",
                fails,
            ),
            (r#"resource.name.endsWith(".jpg")"#, "gs://example-bucket/a.jpg", holds),
            // Neither accounts nor projects give their names, and nothing of Vertex AI has attributes.
            ("resource.name.endsWith('devResource')", account, fails),
            ("!resource.name.endsWith('devResource')", account, fails),
            ("resource.name.startsWith('projects/acme')", "projects/acme", fails),
            ("resource.service == 'aiplatform.googleapis.com'", endpoint, fails),
            (
                "resource.service == 'cloudresourcemanager.googleapis.com'",
                "folders/3",
                holds,
            ),
            (
                "resource.type == 'cloudresourcemanager.googleapis.com/Project'",
                "projects/acme",
                holds,
            ),
            (
                "resource.type == 'cloudresourcemanager.googleapis.com/Folder'",
                "folders/3",
                fails,
            ),
            (others, endpoint, holds),
            (others, account, holds),
            // The types of Compute Engine are not known here, and their names decide where they can.
            (others, disk, holds),
            (
                others,
                "//compute.googleapis.com/projects/acme/zones/us-east1-b/disks/prod",
                None,
            ),
        ];
        for (expression, resource, expected) in table {
            let found = match verdict(expression, resource, "storage.objects.get", "2019-11-20T00:00:00Z") {
                Verdict::Holds => holds,
                Verdict::Fails => fails,
                Verdict::Unknown(_) => None,
            };
            assert_eq!(found, expected, "{expression} of {resource}");
        }
    }

    /// The examples of <https://cloud.google.com/iam/docs/conditions-attribute-reference#api-attributes>.
    #[test]
    fn documented_attributes_of_the_api() {
        let limited = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', [])\
                       .hasOnly(['roles/pubsub.editor', 'roles/pubsub.publisher'])";
        let ask = |expression: &str, permission: &str| verdict(expression, "projects/acme", permission, PAST);
        assert_eq!(ask(limited, "resourcemanager.projects.get"), Verdict::Holds);
        assert!(matches!(
            ask(limited, "resourcemanager.projects.setIamPolicy"),
            Verdict::Unknown(_)
        ));
        let list = "api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('customer-a')";
        assert_eq!(ask(list, "storage.objects.get"), Verdict::Fails);
        assert!(matches!(ask(list, "storage.objects.list"), Verdict::Unknown(_)));
        let table = [
            ("[]", true),
            ("['roles/pubsub.editor']", true),
            ("['roles/pubsub.editor', 'roles/pubsub.publisher']", true),
            ("['roles/billing.admin']", false),
            ("['roles/billing.admin', 'roles/pubsub.editor']", false),
        ];
        for (changed, holds) in table {
            let expression = format!("{changed}.hasOnly(['roles/pubsub.editor', 'roles/pubsub.publisher'])");
            let expected = if holds { Verdict::Holds } else { Verdict::Fails };
            assert_eq!(
                ask(&expression, "resourcemanager.projects.setIamPolicy"),
                expected,
                "{changed}"
            );
        }
    }

    /// <https://cloud.google.com/iam/docs/deny-overview#denial-condition>
    #[test]
    fn denials_read_tags_alone() {
        let verdict = |expression: &str| {
            let condition = Condition {
                title: String::new(),
                expression: expression.to_owned(),
            };
            condition.verdict_of_denial()
        };
        let unknown = |expression: &str, why: &str| {
            assert!(
                matches!(verdict(expression), Verdict::Unknown(said) if said.contains(why)),
                "{expression}"
            );
        };
        unknown(
            "resource.matchTag('123456789012/env', 'prod')",
            "the tags of the resource are not known",
        );
        unknown(
            "!resource.matchTag('123456789012/env', 'test')",
            "the tags of the resource are not known",
        );
        unknown("request.time < timestamp('2027-01-01T00:00:00Z')", "denials cannot");
        unknown("resource.name == 'x'", "denials cannot");
        assert_eq!(verdict("true"), Verdict::Holds);
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
            let verdict = condition.verdict(&ResourceName::project("acme"), "storage.buckets.list", None);
            assert!(
                matches!(&verdict, Verdict::Unknown(why) if why.starts_with(message)),
                "{text}: {verdict:?}"
            );
        }
    }
}
