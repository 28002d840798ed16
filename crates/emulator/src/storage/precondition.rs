//! Preconditions on generations and metagenerations
//! (<https://cloud.google.com/storage/docs/request-preconditions>).

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::call::Call;
use crate::error::{ApiError, Result, Status};

/// What must hold of a version for a call to be carried out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Preconditions {
    generation: Option<u64>,
    not_generation: Option<u64>,
    metageneration: Option<u64>,
    not_metageneration: Option<u64>,
}

impl Preconditions {
    /// Those in the query of a call, about what it writes or reads.
    pub(super) fn of(call: &Call) -> Result<Preconditions> {
        Preconditions::named(call, "if")
    }

    /// Those about what a call copies from.
    pub(super) fn of_source(call: &Call) -> Result<Preconditions> {
        Preconditions::named(call, "ifSource")
    }

    fn named(call: &Call, prefix: &str) -> Result<Preconditions> {
        let number = |name: &str| call.number(&format!("{prefix}{name}"));
        Ok(Preconditions {
            generation: number("GenerationMatch")?,
            not_generation: number("GenerationNotMatch")?,
            metageneration: number("MetagenerationMatch")?,
            not_metageneration: number("MetagenerationNotMatch")?,
        })
    }

    /// Those of a source in the body of a compose call.
    pub(super) fn of_json(json: &Json) -> Result<Preconditions> {
        Ok(Preconditions {
            generation: number_of(&json["ifGenerationMatch"])?,
            ..Preconditions::default()
        })
    }

    /// It must be this generation, too.
    pub(super) fn pin(&mut self, generation: u64) {
        self.generation = Some(generation);
    }

    /// Looks at the generation and metageneration of what is there, if anything is.
    ///
    /// # Errors
    /// 412 if a precondition does not hold.
    pub(super) fn check(&self, there: Option<(u64, u64)>) -> Result<()> {
        match self.must_be(there) && self.must_not_be(there) {
            true => Ok(()),
            false => Err(failed()),
        }
    }

    /// Likewise, for a call that only reads.
    ///
    /// # Errors
    /// 304 if it is the version that the caller has; 412 if it is not the one that they want.
    pub(super) fn check_read(&self, there: (u64, u64)) -> Result<()> {
        if !self.must_be(Some(there)) {
            return Err(failed());
        }
        match self.must_not_be(Some(there)) {
            true => Ok(()),
            false => Err(ApiError::new(Status::FailedPrecondition, "Not modified.")
                .legacy(StatusCode::NOT_MODIFIED, "notModified")),
        }
    }

    fn must_be(&self, there: Option<(u64, u64)>) -> bool {
        let generation = there.map_or(0, |(generation, _)| generation);
        let metageneration = there.map(|(_, metageneration)| metageneration);
        self.generation.is_none_or(|wanted| wanted == generation)
            && self.metageneration.is_none_or(|wanted| Some(wanted) == metageneration)
    }

    fn must_not_be(&self, there: Option<(u64, u64)>) -> bool {
        let generation = there.map_or(0, |(generation, _)| generation);
        let metageneration = there.map(|(_, metageneration)| metageneration);
        self.not_generation.is_none_or(|refused| refused != generation)
            && self
                .not_metageneration
                .is_none_or(|refused| metageneration.is_some_and(|there| there != refused))
    }
}

fn failed() -> ApiError {
    ApiError::new(
        Status::FailedPrecondition,
        "At least one of the pre-conditions you specified did not hold.",
    )
    .legacy(StatusCode::PRECONDITION_FAILED, "conditionNotMet")
}

/// A number that is written as one or as a text; none if it is not there.
pub(super) fn number_of(json: &Json) -> Result<Option<u64>> {
    let number = match json {
        Json::Null => return Ok(None),
        Json::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    number
        .map(Some)
        .ok_or_else(|| ApiError::invalid(format!("Invalid value: {json} is no number.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds() {
        let none = Preconditions::default();
        let absent = Preconditions {
            generation: Some(0),
            ..none.clone()
        };
        let this = Preconditions {
            generation: Some(7),
            metageneration: Some(1),
            ..none.clone()
        };
        let other = Preconditions {
            not_generation: Some(7),
            ..none.clone()
        };
        let present = Preconditions {
            not_generation: Some(0),
            ..none.clone()
        };
        let changed = Preconditions {
            not_metageneration: Some(1),
            ..none.clone()
        };
        let table = [
            (&none, true, true),
            (&absent, true, false),
            (&this, false, true),
            (&other, true, false),
            (&present, false, true),
            (&changed, false, false),
        ];
        for (preconditions, without, with) in table {
            assert_eq!(preconditions.check(None).is_ok(), without, "{preconditions:?}");
            assert_eq!(preconditions.check(Some((7, 1))).is_ok(), with, "{preconditions:?}");
        }
        let codes =
            [&absent, &other].map(|preconditions| preconditions.check_read((7, 1)).unwrap_err().code().as_u16());
        assert_eq!(codes, [412, 304]);
    }
}
