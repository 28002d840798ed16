//! The parameters that a tuning job tries: a grid, or points at random.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use serde_json::{Value as Json, json};

use crate::error::{ApiError, Result};

/// More points than that are not laid out.
const LARGEST_GRID: usize = 100_000;
/// Points of a range in a grid.
const GRID_STEPS: usize = 5;

/// What a job tries.
#[derive(Debug)]
pub(crate) struct Study {
    parameters: Vec<Parameter>,
    is_grid: bool,
    metrics: Vec<String>,
}

#[derive(Debug)]
struct Parameter {
    id: String,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// Numbers from a range, drawn evenly over their logarithms where that is set.
    Range {
        low: f64,
        high: f64,
        is_log: bool,
        is_whole: bool,
    },
    Listed(Vec<Json>),
}

impl Study {
    /// # Errors
    /// 400 if a parameter is not of a kind that is known, or the algorithm is not here.
    pub(crate) fn new(spec: &Json) -> Result<Study> {
        let is_grid = match &spec["algorithm"] {
            Json::Null => false,
            // Clients send the number or the name.
            value if value == "GRID_SEARCH" || *value == 2 => true,
            value if value == "RANDOM_SEARCH" || *value == 3 => false,
            // The service's own search: any order of points is one of its answers.
            value if value == "ALGORITHM_UNSPECIFIED" || *value == 0 => false,
            other => return Err(ApiError::invalid(format!("study_spec.algorithm {other} is not known."))),
        };
        let parameters = spec["parameters"].as_array().into_iter().flatten();
        let parameters = parameters.map(Parameter::new).collect::<Result<Vec<_>>>()?;
        let metrics = spec["metrics"].as_array().into_iter().flatten();
        let metrics = metrics.map(|metric| metric["metricId"].as_str().unwrap_or_default().to_owned());
        Ok(Study {
            is_grid,
            metrics: metrics.collect(),
            parameters,
        })
    }

    /// The names of the metrics.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().map(String::as_str)
    }

    /// At most so many points: the values of the parameters, in their order.
    pub(crate) fn points(&self, count: usize) -> Vec<Vec<Json>> {
        if !self.is_grid {
            let mut random = Random(RandomState::new().hash_one("a study"));
            return (0..count)
                .map(|_| {
                    self.parameters
                        .iter()
                        .map(|parameter| parameter.values.draw(&mut random))
                        .collect()
                })
                .collect();
        }
        let mut points: Vec<Vec<Json>> = vec![Vec::new()];
        for parameter in &self.parameters {
            let steps = parameter.values.steps();
            let longer = points.iter().flat_map(|point| {
                steps.iter().map(move |value| {
                    let mut point = point.clone();
                    point.push(value.clone());
                    point
                })
            });
            points = longer.take(LARGEST_GRID).collect();
        }
        points.truncate(count);
        points
    }

    /// The ids of the parameters.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|parameter| parameter.id.as_str())
    }
}

impl Parameter {
    fn new(spec: &Json) -> Result<Parameter> {
        let id = spec["parameterId"].as_str().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| ApiError::invalid("Required field is not set: parameters.parameter_id"))?;
        let is_log = spec["scaleType"] == "UNIT_LOG_SCALE" || spec["scaleType"] == 2;
        let float = |value: &Json| match value {
            Json::String(text) => text.parse().ok(),
            other => other.as_f64(),
        };
        let range = |spec: &Json, is_whole| {
            let (low, high) = (
                float(&spec["minValue"]).unwrap_or(0.0),
                float(&spec["maxValue"]).unwrap_or(0.0),
            );
            let is_right = low <= high && (!is_log || low > 0.0);
            let values = Values::Range {
                low,
                high,
                is_log,
                is_whole,
            };
            is_right.then_some(values)
        };
        let listed = |spec: &Json| {
            let values = spec["values"].as_array().filter(|values| !values.is_empty());
            values.map(|values| Values::Listed(values.clone()))
        };
        let values = if spec["doubleValueSpec"].is_object() {
            range(&spec["doubleValueSpec"], false)
        } else if spec["integerValueSpec"].is_object() {
            range(&spec["integerValueSpec"], true)
        } else if spec["categoricalValueSpec"].is_object() {
            listed(&spec["categoricalValueSpec"])
        } else {
            listed(&spec["discreteValueSpec"])
        };
        let values = values
            .ok_or_else(|| ApiError::invalid(format!("The parameter {id} has no values, or a range that is none.")))?;
        Ok(Parameter {
            id: id.to_owned(),
            values,
        })
    }
}

impl Values {
    /// The value at a share of the range.
    fn at(low: f64, high: f64, is_log: bool, is_whole: bool, share: f64) -> Json {
        let value = match is_log {
            true => (low.ln() + (high.ln() - low.ln()) * share).exp(),
            false => low + (high - low) * share,
        };
        match is_whole {
            true => json!(value.round() as i64),
            false => json!(value.clamp(low, high)),
        }
    }

    fn draw(&self, random: &mut Random) -> Json {
        match self {
            Values::Range {
                low,
                high,
                is_log,
                is_whole,
            } => Values::at(*low, *high, *is_log, *is_whole, random.share()),
            Values::Listed(values) => {
                let at = (random.share() * values.len() as f64) as usize;
                values[at.min(values.len() - 1)].clone()
            }
        }
    }

    fn steps(&self) -> Vec<Json> {
        match self {
            Values::Range {
                low,
                high,
                is_log,
                is_whole,
            } => {
                let count = match is_whole {
                    true => ((high - low) as usize + 1).min(GRID_STEPS),
                    false => GRID_STEPS,
                };
                let share = |step: usize| {
                    if count == 1 {
                        0.0
                    } else {
                        step as f64 / (count - 1) as f64
                    }
                };
                let mut steps: Vec<Json> = (0..count)
                    .map(|step| Values::at(*low, *high, *is_log, *is_whole, share(step)))
                    .collect();
                steps.dedup();
                steps
            }
            Values::Listed(values) => values.clone(),
        }
    }
}

/// Numbers that need not be secret (SplitMix64).
struct Random(u64);

impl Random {
    /// From 0 to 1, without 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(algorithm: &str) -> Study {
        let spec = json!({
            "algorithm": algorithm,
            "metrics": [{"metricId": "accuracy", "goal": "MAXIMIZE"}],
            "parameters": [
                {"parameterId": "lr", "doubleValueSpec": {"minValue": 0.001, "maxValue": 0.1}, "scaleType": "UNIT_LOG_SCALE"},
                {"parameterId": "layers", "integerValueSpec": {"minValue": "1", "maxValue": "2"}},
                {"parameterId": "kind", "categoricalValueSpec": {"values": ["a", "b"]}},
            ],
        });
        Study::new(&spec).unwrap()
    }

    #[test]
    fn a_grid_has_every_point_once() {
        let points = study("GRID_SEARCH").points(1000);
        assert_eq!(points.len(), 5 * 2 * 2);
        let mut texts: Vec<String> = points.iter().map(|point| format!("{point:?}")).collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), points.len());
        assert_eq!(study("GRID_SEARCH").points(3).len(), 3);
    }

    #[test]
    fn random_points_are_in_their_ranges() {
        for point in study("RANDOM_SEARCH").points(500) {
            let rate = point[0].as_f64().unwrap();
            assert!((0.001..=0.1).contains(&rate), "{rate}");
            assert!([1.0, 2.0].contains(&point[1].as_f64().unwrap()));
            assert!(point[2] == "a" || point[2] == "b");
        }
    }

    #[test]
    fn a_range_that_is_none_is_refused() {
        let spec = json!({"parameters": [{"parameterId": "lr", "doubleValueSpec": {"minValue": 1, "maxValue": 0}}]});
        assert!(Study::new(&spec).is_err());
        assert!(Study::new(&json!({"parameters": [{"parameterId": "x"}]})).is_err());
    }
}
