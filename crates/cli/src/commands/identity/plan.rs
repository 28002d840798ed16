//! `terrace identity plan`: the least grants that make the trees work.

use std::fmt::Write as _;

use build::Session;
use clap::{Args, ValueEnum};
use identity::{CustomRoles, Landscape, Plan, PlannedGrant, Reason, Reasoner, Removal};
use serde::Serialize;
use yaml::Sources;

use super::apply::ApplyArgs;
use super::ground::GroundArgs;
use super::removal::{self, RemovalArgs, RemovalDocument};
use crate::diagnostic::Diagnostic;
use crate::exit::Exit;
use crate::output;
use crate::setup::Setup;

/// The least grants that give every workload what it needs: without any one of them, something is missing.
///
/// What is granted already is not planned. Where nobody can tell, because grants are not given, the grant is planned
/// and marked: making it twice changes nothing. Nothing is taken away but what --remove names. Where every predefined role has more than
/// 100 permissions, a custom role with those that are needed is made.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # What is to be granted, and what for
  terrace identity plan --iam iam.json

  # As a script, as Terraform, and for Config Connector
  terrace identity plan --iam iam.json -o gcloud > grants.sh
  terrace identity plan --iam iam.json -o terraform > grants.tf
  terrace identity plan --iam iam.json -o config-connector > grants.yaml

  # Take a grant back that nobody declared
  terrace identity drift --iam iam.json
  terrace identity plan --iam iam.json --remove 'roles/editor user:eve@acme.com projects/acme' -o gcloud

  # In CI: fail while something is to be granted
  terrace identity plan --iam iam.json --exit-code

  # What Google says is granted, and make what is missing
  terrace identity plan --live --apply
")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(super) ground: GroundArgs,
    /// When custom roles are made.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    custom_roles: When,
    #[command(flatten)]
    removals: RemovalArgs,
    /// Exit with 1 if there is something to grant or to take back.
    #[arg(long)]
    exit_code: bool,
    /// How to print the plan.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    apply: ApplyArgs,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum When {
    /// Where every predefined role has more than 100 permissions.
    #[default]
    WhereBroad,
    Never,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
    /// A shell script.
    Gcloud,
    /// HCL.
    Terraform,
    /// Objects of Config Connector.
    ConfigConnector,
}

pub(super) fn run(args: &PlanArgs, setup: &Setup, session: &Session<'_>) -> Result<Exit, Box<Diagnostic>> {
    let ground = args.ground.ground(setup, session)?;
    let reasoner = Reasoner::new(&ground.state);
    let landscape = Landscape::new(&ground.trees, &reasoner, args.ground.grants.time());
    let mut plan = landscape.plan(match args.custom_roles {
        When::WhereBroad => CustomRoles::WhereBroad,
        When::Never => CustomRoles::Never,
    });
    let mut removals = args.removals.removals(session, &landscape)?;
    let planned = plan.grants.iter_mut().map(|planned| &mut planned.grant);
    identity::distinguish(planned.chain(removals.iter_mut().map(|removal| &mut removal.grant)));
    let text = match args.output {
        Format::Text => text(&plan, &removals, session.sources()),
        Format::Json => json(&plan, &removals, session.sources()),
        Format::Gcloud => script(&plan, &removals),
        Format::Terraform => terraform(&plan, &removals),
        Format::ConfigConnector => config_connector(&plan, &removals),
    };
    output::answer(&[text])?;
    for warning in removal::warnings(&removals).iter().filter(|_| !setup.reporter.quiet) {
        setup.reporter.error(warning, session.sources());
    }
    for unmet in &plan.unmet {
        let reason = &unmet.reason;
        let what = format!("{} on {}", reason.permission, reason.resource.short());
        let message = format!("no grant gives {} {what}: {}", reason.object.kind_and_name(), unmet.why);
        setup.reporter.error(
            &Diagnostic {
                mark: reason.mark,
                ..Diagnostic::error(message)
            },
            session.sources(),
        );
    }
    let unmet = match plan.unmet.is_empty() {
        true => Exit::Done,
        false => Exit::WrongInput,
    };
    if args.apply.is_wanted() {
        let impersonate = args.ground.grants.impersonate();
        let exit = args
            .apply
            .run(&plan, &removals, impersonate, &setup.reporter, session)?;
        return Ok(exit.max(unmet));
    }
    Ok(match plan.grants.is_empty() && removals.is_empty() || !args.exit_code {
        true => unmet,
        false => Exit::WrongInput,
    })
}

fn place(reason: &Reason, sources: &Sources) -> String {
    sources
        .place(reason.mark)
        .map_or_else(String::new, |place| place.to_string())
}

fn text(plan: &Plan, removals: &[Removal], sources: &Sources) -> String {
    let mut out = String::new();
    // Writing to a text cannot fail.
    for role in &plan.custom_roles {
        let _ = writeln!(out, "make {} with {}\n", role.name(), role.permissions.join(", "));
    }
    for PlannedGrant {
        grant,
        reasons,
        is_missing,
    } in &plan.grants
    {
        let _ = writeln!(
            out,
            "grant {} on {} to {}",
            grant.role,
            grant.on.short(),
            grant.member.short()
        );
        if !is_missing {
            let _ = writeln!(out, "    perhaps it is there: the grants on it are not known");
        }
        for reason in reasons {
            let _ = writeln!(
                out,
                "    {}: {} {} ({} on {})",
                place(reason, sources),
                reason.object.kind_and_name(),
                reason.words,
                reason.permission,
                reason.resource.short()
            );
        }
    }
    out.push_str(&removal::text(removals, sources));
    let count = plan.grants.len();
    let _ = match count {
        0 => writeln!(out, "nothing is to be granted"),
        1 => writeln!(out, "\n1 grant"),
        _ => writeln!(out, "\n{count} grants"),
    };
    if !removals.is_empty() {
        let _ = writeln!(out, "{} taken back", removals.len());
    }
    out
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanDocument<'p> {
    custom_roles: Vec<RoleDocument<'p>>,
    grants: Vec<GrantDocument<'p>>,
    unmet: Vec<UnmetDocument<'p>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removals: Vec<RemovalDocument<'p>>,
}

#[derive(Serialize)]
struct RoleDocument<'p> {
    name: String,
    permissions: &'p [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GrantDocument<'p> {
    role: &'p str,
    member: String,
    resource: &'p str,
    is_missing: bool,
    reasons: Vec<ReasonDocument<'p>>,
}

#[derive(Serialize)]
struct UnmetDocument<'p> {
    reason: ReasonDocument<'p>,
    why: &'p str,
}

#[derive(Serialize)]
struct ReasonDocument<'p> {
    object: String,
    needs: &'p str,
    resource: &'p str,
    reason: &'p str,
    place: Option<String>,
}

fn json(plan: &Plan, removals: &[Removal], sources: &Sources) -> String {
    let document = PlanDocument {
        removals: removal::documents(removals, sources),
        custom_roles: plan
            .custom_roles
            .iter()
            .map(|role| RoleDocument {
                name: role.name(),
                permissions: &role.permissions,
            })
            .collect(),
        grants: plan
            .grants
            .iter()
            .map(|planned| GrantDocument {
                role: &planned.grant.role,
                member: planned.grant.member_in_policy().to_owned(),
                resource: planned.grant.on.as_str(),
                is_missing: planned.is_missing,
                reasons: planned.reasons.iter().map(|it| reason_document(it, sources)).collect(),
            })
            .collect(),
        unmet: plan
            .unmet
            .iter()
            .map(|unmet| UnmetDocument {
                reason: reason_document(&unmet.reason, sources),
                why: &unmet.why,
            })
            .collect(),
    };
    super::json::pretty(&document)
}

fn reason_document<'p>(reason: &'p Reason, sources: &Sources) -> ReasonDocument<'p> {
    ReasonDocument {
        object: reason.object.full_name(),
        needs: &reason.permission,
        resource: reason.resource.as_str(),
        reason: &reason.words,
        place: sources.place(reason.mark).map(|place| place.to_string()),
    }
}

fn script(plan: &Plan, removals: &[Removal]) -> String {
    let mut out = String::from("#!/bin/sh\nset -eu\n");
    for role in &plan.custom_roles {
        let _ = writeln!(out, "{}", role.gcloud());
    }
    for planned in &plan.grants {
        let _ = writeln!(out, "{}", planned.grant.gcloud());
    }
    for removal in removals {
        let _ = writeln!(out, "{}", removal.gcloud());
    }
    out
}

fn terraform(plan: &Plan, removals: &[Removal]) -> String {
    let all = &plan.custom_roles;
    let roles = all.iter().map(|role| role.terraform(all));
    let grants = plan
        .grants
        .iter()
        .map(|planned| planned.grant.terraform_after(&plan.custom_roles));
    let removals = removals.iter().map(Removal::terraform);
    roles.chain(grants).chain(removals).collect::<Vec<_>>().join("\n")
}

fn config_connector(plan: &Plan, removals: &[Removal]) -> String {
    let all = &plan.custom_roles;
    let roles = all.iter().map(|role| role.config_connector(all));
    let grants = plan.grants.iter().map(|planned| planned.grant.config_connector());
    let removals = removals.iter().map(Removal::config_connector);
    roles.chain(grants).chain(removals).collect::<Vec<_>>().join("---\n")
}
