//! Custom jobs (<https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.customJobs>).

use serde_json::Value as Json;

use super::job::Kind;
use super::resource;
use crate::access::Caller;
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::work;

pub(crate) const KIND: &str = "customJobs";

/// Packages of one job (<https://cloud.google.com/vertex-ai/docs/reference/rest/v1/CustomJobSpec#PythonPackageSpec>).
const LARGEST_PACKAGES: usize = 100;

pub(super) const JOB: Kind = Kind {
    name: KIND,
    accept: |cloud, caller, sent| validate(cloud, caller, &sent["jobSpec"]),
    work: work::custom::run,
};

/// Whether a `CustomJobSpec` can be run, and the caller may have it run as its account.
pub(super) fn validate(cloud: &Cloud, caller: &Caller, spec: &Json) -> Result<()> {
    let pools = spec["workerPoolSpecs"].as_array();
    let pools = pools.filter(|pools| !pools.is_empty());
    let pools = pools.ok_or_else(|| ApiError::invalid("Required field is not set: job_spec.worker_pool_specs"))?;
    for (number, pool) in pools.iter().enumerate() {
        // A later pool may be left empty, to keep the numbers of those behind it.
        let is_empty = pool.as_object().is_none_or(serde_json::Map::is_empty);
        if is_empty && number > 0 {
            continue;
        }
        let field = |name: &str| format!("job_spec.worker_pool_specs[{number}].{name}");
        let container = &pool["containerSpec"];
        if container.is_object() == pool["pythonPackageSpec"].is_object() {
            let message = format!(
                "Exactly one of {} and {} must be set.",
                field("container_spec"),
                field("python_package_spec")
            );
            return Err(ApiError::invalid(message));
        }
        if container.is_object() && container["imageUri"].as_str().is_none_or(str::is_empty) {
            let message = format!("Required field is not set: {}", field("container_spec.image_uri"));
            return Err(ApiError::invalid(message));
        }
        let package = &pool["pythonPackageSpec"];
        if package.is_object() {
            for (name, snake) in [
                ("executorImageUri", "executor_image_uri"),
                ("pythonModule", "python_module"),
            ] {
                if package[name].as_str().is_none_or(str::is_empty) {
                    let field = field(&format!("python_package_spec.{snake}"));
                    return Err(ApiError::invalid(format!("Required field is not set: {field}")));
                }
            }
            let uris = package["packageUris"].as_array().map_or(0, Vec::len);
            if !(1..=LARGEST_PACKAGES).contains(&uris) {
                let field = field("python_package_spec.package_uris");
                return Err(ApiError::invalid(format!(
                    "{field} must have 1 to {LARGEST_PACKAGES} URIs."
                )));
            }
        }
        if pool["machineSpec"]["machineType"].as_str().is_none_or(str::is_empty) {
            let message = format!("Required field is not set: {}", field("machine_spec.machine_type"));
            return Err(ApiError::invalid(message));
        }
        let replicas = &pool["replicaCount"];
        if !replicas.is_null() && resource::number(replicas).is_none_or(|count| count < 0) {
            return Err(ApiError::invalid(format!(
                "Invalid value at {}",
                field("replica_count")
            )));
        }
        if number == 0 && resource::number(replicas).unwrap_or(1) != 1 {
            return Err(ApiError::invalid(
                "The replica_count of the first worker pool must be 1.",
            ));
        }
    }
    let output = spec["baseOutputDirectory"]["outputUriPrefix"].as_str();
    if output.is_some_and(|uri| !uri.starts_with("gs://")) {
        return Err(ApiError::invalid(
            "base_output_directory.output_uri_prefix must begin with gs://",
        ));
    }
    if let Some(account) = spec["serviceAccount"].as_str().filter(|account| !account.is_empty()) {
        resource::require_act_as(cloud, caller, account)?;
    }
    Ok(())
}
