//! What roles permit: Google's predefined roles as they were at a date, and the custom roles of a state.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::OnceLock;

use hashbrown::HashMap;

/// Made by `cargo run -p xtask -- roles FILE DATE`: a date, the permissions, the roles with the numbers of theirs.
static PACKED: &[u8] = include_bytes!("../data/roles.deflate");

/// Google's predefined roles.
#[derive(Debug)]
pub struct PredefinedRoles {
    /// When the table was made, as `2026-08`.
    pub date: String,
    permissions: Vec<String>,
    roles: HashMap<String, PredefinedRole>,
}

/// A predefined role of the table.
#[derive(Debug)]
pub struct PredefinedRole {
    pub title: String,
    /// Sorted numbers of permissions.
    permissions: Vec<u16>,
}

/// Whether a role permits something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permits {
    Yes,
    No,
    /// Nobody knows here: the role is in no table.
    Unknown,
}

/// A table of roles that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RolesError {
    #[error("line {0} is none of a table of roles")]
    Line(usize),
    #[error("its permissions are not in order, or too many")]
    Order,
    #[error("{0} permissions are more than there can be")]
    Many(usize),
}

/// The roles that Google advises against: they hold most permissions of all services.
pub const BASIC_ROLES: [&str; 3] = ["roles/owner", "roles/editor", "roles/viewer"];

impl PredefinedRoles {
    /// The table that comes with the program, unpacked when it is first asked for.
    ///
    /// # Panics
    /// Never: a test reads the whole table.
    pub fn embedded() -> &'static PredefinedRoles {
        static TABLE: OnceLock<PredefinedRoles> = OnceLock::new();
        TABLE.get_or_init(|| {
            #[expect(
                clippy::expect_used,
                reason = "the table is part of the program, and a test reads it"
            )]
            let text = miniz_oxide::inflate::decompress_to_vec(PACKED).expect("the packed roles are whole");
            #[expect(clippy::expect_used, reason = "as above")]
            PredefinedRoles::from_text(&String::from_utf8_lossy(&text)).expect("the packed roles make sense")
        })
    }

    /// Roles as they are at a date, each as its name, its title and its permissions.
    ///
    /// # Errors
    /// [`RolesError::Many`] for more permissions than there can be.
    pub fn new(date: &str, roles: Vec<(String, String, Vec<String>)>) -> Result<PredefinedRoles, RolesError> {
        let all: BTreeSet<&String> = roles.iter().flat_map(|(.., permissions)| permissions).collect();
        let permissions: Vec<String> = all.into_iter().cloned().collect();
        let count = u16::try_from(permissions.len()).map_err(|_| RolesError::Many(permissions.len()))?;
        let numbers: HashMap<String, u16> = permissions.iter().cloned().zip(0..count).collect();
        let numbered = roles.into_iter().map(|(name, title, permissions)| {
            let held = permissions.iter().filter_map(|permission| numbers.get(permission));
            let held: BTreeSet<u16> = held.copied().collect();
            let permissions = held.into_iter().collect();
            (name, PredefinedRole { title, permissions })
        });
        Ok(PredefinedRoles {
            date: date.to_owned(),
            roles: numbered.collect(),
            permissions,
        })
    }

    /// The table as a text: the date; permissions in order, each as the length it shares with the one before and the
    /// rest; an empty line; roles by name, as name, title and ranges of permissions, with tabs between.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.date);
        let mut before = "";
        // Writing to a text cannot fail.
        for permission in &self.permissions {
            let mut shared = before
                .bytes()
                .zip(permission.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            while !permission.is_char_boundary(shared) {
                shared -= 1;
            }
            let _ = writeln!(text, "{shared} {}", &permission[shared..]);
            before = permission;
        }
        text.push('\n');
        let mut roles: Vec<(&String, &PredefinedRole)> = self.roles.iter().collect();
        roles.sort_unstable_by_key(|(name, _)| *name);
        for (name, role) in roles {
            let runs = role.permissions.chunk_by(|a, b| a + 1 == *b);
            let ranges: Vec<String> = runs.map(range).collect();
            // A tab or a line break of a title would end its column.
            let title = role.title.replace(['\t', '\n', '\r'], " ");
            let _ = writeln!(text, "{name}\t{title}\t{}", ranges.join(","));
        }
        text
    }

    /// Reads what [`PredefinedRoles::to_text`] writes.
    ///
    /// # Errors
    /// [`RolesError::Line`] with the first line that makes no sense.
    pub fn from_text(text: &str) -> Result<PredefinedRoles, RolesError> {
        let mut lines = (1..).zip(text.lines());
        let date = lines.next().map(|(_, date)| date).filter(|date| is_date(date));
        let date = date.ok_or(RolesError::Line(1))?.to_owned();
        let mut permissions: Vec<String> = Vec::new();
        for (number, line) in lines.by_ref().take_while(|(_, line)| !line.is_empty()) {
            let wrong = RolesError::Line(number);
            let (shared, rest) = line.split_once(' ').ok_or(wrong)?;
            let shared: usize = shared.parse().map_err(|_| wrong)?;
            let before = permissions
                .last()
                .map_or("", String::as_str)
                .get(..shared)
                .ok_or(wrong)?;
            permissions.push(format!("{before}{rest}"));
        }
        if !permissions.is_sorted() || permissions.len() > usize::from(u16::MAX) {
            return Err(RolesError::Order);
        }
        let count = permissions.len();
        let role = |(number, line): (usize, &str)| {
            let wrong = RolesError::Line(number);
            let mut columns = line.split('\t');
            let (Some(name), Some(title), Some(ranges), None) =
                (columns.next(), columns.next(), columns.next(), columns.next())
            else {
                return Err(wrong);
            };
            let mut held = Vec::new();
            for range in ranges.split(',').filter(|range| !range.is_empty()) {
                let (first, more) = range.split_once('+').unwrap_or((range, "0"));
                let first: u16 = first.parse().map_err(|_| wrong)?;
                let last = first.checked_add(more.parse().map_err(|_| wrong)?).ok_or(wrong)?;
                if usize::from(last) >= count || held.last().is_some_and(|before| *before >= first) {
                    return Err(wrong);
                }
                held.extend(first..=last);
            }
            let role = PredefinedRole {
                title: title.to_owned(),
                permissions: held,
            };
            Ok((name.to_owned(), role))
        };
        Ok(PredefinedRoles {
            roles: lines.map(role).collect::<Result<_, _>>()?,
            date,
            permissions,
        })
    }

    /// The roles of this table that another one has with other permissions, by name: how many it has more, and less.
    pub fn changed_roles<'s>(&'s self, later: &PredefinedRoles) -> Vec<(&'s str, usize, usize)> {
        let mut changed = Vec::new();
        for (name, role) in &self.roles {
            let Some(other) = later.roles.get(name) else { continue };
            let held: BTreeSet<&str> = self.permissions_of(role).collect();
            let then: BTreeSet<&str> = later.permissions_of(other).collect();
            let (added, removed) = (then.difference(&held).count(), held.difference(&then).count());
            if added + removed > 0 {
                changed.push((name.as_str(), added, removed));
            }
        }
        changed.sort_unstable();
        changed
    }

    /// How many roles and permissions the table has.
    pub fn counts(&self) -> (usize, usize) {
        (self.roles.len(), self.permissions.len())
    }

    fn number(&self, permission: &str) -> Option<u16> {
        let at = self
            .permissions
            .binary_search_by(|known| known.as_str().cmp(permission))
            .ok()?;
        u16::try_from(at).ok()
    }

    /// Whether a permission is in any role of the table.
    pub fn knows_permission(&self, permission: &str) -> bool {
        self.number(permission).is_some()
    }

    /// A permission as the table has it, if it is in any role.
    pub fn permission<'s>(&'s self, permission: &str) -> Option<&'s str> {
        self.number(permission)
            .map(|number| self.permissions[usize::from(number)].as_str())
    }

    /// A role by its full name, as `roles/storage.objectViewer`.
    pub fn role(&self, name: &str) -> Option<&PredefinedRole> {
        self.roles.get(name)
    }

    /// Names of permissions that are like a text.
    pub fn near_permissions(&self, permission: &str) -> Vec<&str> {
        resource::nearest(permission, self.permissions.iter().map(String::as_str))
    }

    /// Names of roles that are like a text.
    pub fn near_roles(&self, role: &str) -> Vec<&str> {
        resource::nearest(role, self.roles.keys().map(String::as_str))
    }

    pub fn permits(&self, role: &str, permission: &str) -> Permits {
        let Some(role) = self.roles.get(role) else {
            return Permits::Unknown;
        };
        match self.number(permission) {
            Some(number) if role.permissions.binary_search(&number).is_ok() => Permits::Yes,
            _ => Permits::No,
        }
    }

    /// How many permissions a role has; 0 for one that is not known.
    pub fn size(&self, role: &str) -> usize {
        self.roles.get(role).map_or(0, |role| role.permissions.len())
    }

    /// How many permissions some roles have together.
    pub fn union_size(&self, roles: &[&str]) -> usize {
        let roles = roles.iter().filter_map(|role| self.roles.get(*role));
        let mut all: Vec<u16> = roles.flat_map(|role| role.permissions.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    }

    /// The permissions of a role, in order.
    pub fn permissions_of<'s>(&'s self, role: &PredefinedRole) -> impl Iterator<Item = &'s str> {
        let numbers = role.permissions.clone();
        numbers
            .into_iter()
            .map(|number| self.permissions[usize::from(number)].as_str())
    }

    /// The roles that hold all of some permissions: those of the permissions' own service before others, and the one
    /// with the fewest permissions first. Roles that Google's own services are given, and those of an older time, are
    /// left out.
    pub fn holding(&self, permissions: &[&str]) -> Vec<&str> {
        let numbers: Option<Vec<u16>> = permissions.iter().map(|permission| self.number(permission)).collect();
        let Some(numbers) = numbers else {
            return Vec::new();
        };
        let holds = |role: &PredefinedRole| {
            numbers
                .iter()
                .all(|number| role.permissions.binary_search(number).is_ok())
        };
        let services: Vec<&str> = permissions
            .iter()
            .filter_map(|permission| permission.split('.').next())
            .collect();
        let is_foreign = |role: &str| {
            let service = role.strip_prefix("roles/").and_then(|name| name.split('.').next());
            !service.is_some_and(|service| services.contains(&service))
        };
        let mut found: Vec<(bool, usize, &str)> = self
            .roles
            .iter()
            .filter(|(name, role)| !is_special(name) && holds(role))
            .map(|(name, role)| (is_foreign(name), role.permissions.len(), name.as_str()))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(.., name)| name).collect()
    }
}

/// `2026-08` or `2026-08-05`.
fn is_date(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(text.len(), 7 | 10) && text.split('-').all(is_number)
}

fn range(run: &[u16]) -> String {
    match run {
        [] => String::new(),
        [one] => one.to_string(),
        [first, ..] => format!("{first}+{}", run.len() - 1),
    }
}

/// Whether a role is not for workloads: for agents of Google's services, for access lists of an older time, for
/// migrations, for accounts without a project, for logs that hold personal data.
fn is_special(role: &str) -> bool {
    let is_of_service = ["erviceAgent", "Service"].iter().any(|end| role.ends_with(end));
    let words = ["legacy", "express", "igration", "private", "routine"];
    is_of_service || words.iter().any(|word| role.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_read() {
        let table = PredefinedRoles::embedded();
        assert_eq!(table.date.len(), "2026-08".len());
        assert!(table.roles.len() > 250 && table.permissions.is_sorted());
        for role in table.roles.values() {
            assert!(role.permissions.is_sorted());
            assert!(
                role.permissions
                    .iter()
                    .all(|at| usize::from(*at) < table.permissions.len())
            );
        }
    }

    #[test]
    fn a_table_is_written_and_read() {
        let table = PredefinedRoles::embedded();
        let text = table.to_text();
        let again = PredefinedRoles::from_text(&text).unwrap();
        assert_eq!(again.to_text(), text);
        assert_eq!(again.counts(), table.counts());
        let role = |name: &str, permissions: &[&str]| {
            let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
            (name.to_owned(), "A\ttitle".to_owned(), permissions)
        };
        let roles = vec![role("roles/b", &["b.c.d", "b.c.e", "a.b.c"]), role("roles/a", &[])];
        let own = PredefinedRoles::new("2026-11-21", roles).unwrap();
        assert_eq!(
            own.to_text(),
            "2026-11-21\n0 a.b.c\n0 b.c.d\n4 e\n\nroles/a\tA title\t\nroles/b\tA title\t0+2\n"
        );
        assert_eq!(own.permits("roles/b", "b.c.e"), Permits::Yes);
        let wrong = [
            ("", RolesError::Line(1)),
            ("{}", RolesError::Line(1)),
            ("2026-11\n9 a\n", RolesError::Line(2)),
            ("2026-11\n0 b\n0 a\n\n", RolesError::Order),
            ("2026-11\n0 a\n\nroles/a\tA\t1\n", RolesError::Line(4)),
            ("2026-11\n0 a\n\nroles/a\tA\t0+70000\n", RolesError::Line(4)),
        ];
        for (text, error) in wrong {
            assert_eq!(PredefinedRoles::from_text(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn roles_permit_what_google_says() {
        let table = PredefinedRoles::embedded();
        let rows = [
            ("roles/storage.objectViewer", "storage.objects.get", Permits::Yes),
            ("roles/storage.objectViewer", "storage.objects.create", Permits::No),
            (
                "roles/iam.workloadIdentityUser",
                "iam.serviceAccounts.getAccessToken",
                Permits::Yes,
            ),
            (
                "roles/iam.serviceAccountUser",
                "iam.serviceAccounts.actAs",
                Permits::Yes,
            ),
            ("roles/aiplatform.user", "aiplatform.customJobs.create", Permits::Yes),
            ("roles/aiplatform.user", "iam.serviceAccounts.actAs", Permits::No),
            ("roles/owner", "storage.objects.get", Permits::Unknown),
        ];
        for (role, permission, permits) in rows {
            assert_eq!(table.permits(role, permission), permits, "{role} {permission}");
        }
    }

    #[test]
    fn the_smallest_role_comes_first() {
        let table = PredefinedRoles::embedded();
        let first = |permissions: &[&str]| table.holding(permissions).first().copied();
        assert_eq!(
            first(&["secretmanager.versions.access"]),
            Some("roles/secretmanager.secretAccessor")
        );
        assert_eq!(
            first(&["iam.serviceAccounts.actAs"]),
            Some("roles/iam.serviceAccountUser")
        );
        assert_eq!(first(&["no.such.permission"]), None);
        let role = table.role("roles/secretmanager.secretAccessor").unwrap();
        assert!(
            table
                .permissions_of(role)
                .any(|name| name == "secretmanager.versions.access")
        );
    }
}
