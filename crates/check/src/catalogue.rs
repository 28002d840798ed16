//! The controls of the standards that rules may bear on, each with a few words of what it is about. The
//! words are Terrace's own; the texts are the standards'.

use crate::rule::Control;

/// A standard whose controls are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standard {
    Soc2,
    Iso27001,
    Gdpr,
}

impl Standard {
    pub const ALL: [Standard; 3] = [Standard::Soc2, Standard::Iso27001, Standard::Gdpr];

    pub fn name(self) -> &'static str {
        match self {
            Standard::Soc2 => "SOC 2 (trust services criteria)",
            Standard::Iso27001 => "ISO/IEC 27001:2022, Annex A",
            Standard::Gdpr => "General Data Protection Regulation",
        }
    }

    /// The name on a command line and in documents for programs.
    pub fn id(self) -> &'static str {
        match self {
            Standard::Soc2 => "soc2",
            Standard::Iso27001 => "iso27001",
            Standard::Gdpr => "gdpr",
        }
    }

    fn controls(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Standard::Soc2 => SOC2,
            Standard::Iso27001 => ISO27001,
            Standard::Gdpr => GDPR,
        }
    }
}

impl Control {
    pub fn standard(self) -> Standard {
        match self {
            Control::Soc2(_) => Standard::Soc2,
            Control::Iso27001(_) => Standard::Iso27001,
            Control::Gdpr(_) => Standard::Gdpr,
        }
    }

    /// Its number in the standard, such as `CC6.1`.
    pub fn number(self) -> &'static str {
        match self {
            Control::Soc2(number) | Control::Iso27001(number) | Control::Gdpr(number) => number,
        }
    }

    /// What it is about.
    pub fn title(self) -> Option<&'static str> {
        let row = self.row()?;
        Some(self.standard().controls()[row].1)
    }

    /// Its position in the standard.
    pub(crate) fn row(self) -> Option<usize> {
        let controls = self.standard().controls();
        controls.iter().position(|(number, _)| *number == self.number())
    }
}

const SOC2: &[(&str, &str)] = &[
    ("CC1.1", "integrity and values"),
    ("CC1.2", "oversight by the board"),
    ("CC1.3", "structure and reporting lines"),
    ("CC1.4", "competent people"),
    ("CC1.5", "accountability"),
    ("CC2.1", "information that controls need"),
    ("CC2.2", "communication inside"),
    ("CC2.3", "communication with others"),
    ("CC3.1", "clear objectives"),
    ("CC3.2", "risks found and analysed"),
    ("CC3.3", "risk of fraud"),
    ("CC3.4", "changes that affect controls"),
    ("CC4.1", "controls evaluated"),
    ("CC4.2", "weaknesses told and mended"),
    ("CC5.1", "choice of controls"),
    ("CC5.2", "controls over technology"),
    ("CC5.3", "policies put to work"),
    ("CC6.1", "logical access to what is protected"),
    ("CC6.2", "users registered and removed"),
    ("CC6.3", "least privilege and separated duties"),
    ("CC6.4", "physical access"),
    ("CC6.5", "disposal of assets"),
    ("CC6.6", "protection at the boundary"),
    ("CC6.7", "data moved only as allowed"),
    ("CC6.8", "unauthorised or malicious software kept out"),
    ("CC7.1", "misconfiguration and vulnerabilities detected"),
    ("CC7.2", "anomalies watched"),
    ("CC7.3", "events evaluated"),
    ("CC7.4", "response to incidents"),
    ("CC7.5", "recovery from incidents"),
    ("CC8.1", "changes authorised, tested and approved"),
    ("CC9.1", "disruption of business"),
    ("CC9.2", "vendors and partners"),
    ("A1.1", "capacity"),
    ("A1.2", "environment, backup and recovery"),
    ("A1.3", "recovery tested"),
    ("C1.1", "confidential information identified and kept"),
    ("C1.2", "confidential information disposed of"),
    ("PI1.1", "specification of processing"),
    ("PI1.2", "complete and accurate input"),
    ("PI1.3", "complete and accurate processing"),
    ("PI1.4", "complete and accurate output"),
    ("PI1.5", "stored items protected"),
    ("P1.1", "notice to data subjects"),
    ("P2.1", "choice and consent"),
    ("P3.1", "collection as announced"),
    ("P3.2", "explicit consent"),
    ("P4.1", "use as announced"),
    ("P4.2", "retention"),
    ("P4.3", "disposal of personal information"),
    ("P5.1", "access by data subjects"),
    ("P5.2", "correction"),
    ("P6.1", "disclosure to third parties"),
    ("P6.2", "record of disclosures"),
    ("P6.3", "record of unauthorised disclosures"),
    ("P6.4", "commitments of third parties"),
    ("P6.5", "notice by third parties"),
    ("P6.6", "notice of breaches"),
    ("P6.7", "account of personal information"),
    ("P7.1", "quality of personal information"),
    ("P8.1", "complaints and compliance"),
];

const ISO27001: &[(&str, &str)] = &[
    ("A.5.1", "policies"),
    ("A.5.2", "roles and responsibilities"),
    ("A.5.3", "separated duties"),
    ("A.5.4", "duties of management"),
    ("A.5.5", "contact with authorities"),
    ("A.5.6", "contact with interest groups"),
    ("A.5.7", "threat intelligence"),
    ("A.5.8", "security in projects"),
    ("A.5.9", "inventory of assets"),
    ("A.5.10", "acceptable use"),
    ("A.5.11", "return of assets"),
    ("A.5.12", "classification"),
    ("A.5.13", "labels"),
    ("A.5.14", "transfer of information"),
    ("A.5.15", "access control"),
    ("A.5.16", "identities"),
    ("A.5.17", "secrets that authenticate"),
    ("A.5.18", "access rights"),
    ("A.5.19", "suppliers"),
    ("A.5.20", "agreements with suppliers"),
    ("A.5.21", "supply chain"),
    ("A.5.22", "services of suppliers watched"),
    ("A.5.23", "cloud services"),
    ("A.5.24", "incidents prepared for"),
    ("A.5.25", "events assessed"),
    ("A.5.26", "response to incidents"),
    ("A.5.27", "learning from incidents"),
    ("A.5.28", "collection of evidence"),
    ("A.5.29", "security in a disruption"),
    ("A.5.30", "readiness for continuity"),
    ("A.5.31", "law and contracts"),
    ("A.5.32", "intellectual property"),
    ("A.5.33", "records"),
    ("A.5.34", "privacy and personal data"),
    ("A.5.35", "independent review"),
    ("A.5.36", "compliance with policies"),
    ("A.5.37", "operating procedures"),
    ("A.6.1", "screening"),
    ("A.6.2", "terms of employment"),
    ("A.6.3", "awareness and training"),
    ("A.6.4", "disciplinary process"),
    ("A.6.5", "end of employment"),
    ("A.6.6", "confidentiality agreements"),
    ("A.6.7", "remote work"),
    ("A.6.8", "reports of events"),
    ("A.7.1", "perimeters"),
    ("A.7.2", "entry"),
    ("A.7.3", "offices and rooms"),
    ("A.7.4", "physical monitoring"),
    ("A.7.5", "physical threats"),
    ("A.7.6", "work in secure areas"),
    ("A.7.7", "clear desk and screen"),
    ("A.7.8", "siting of equipment"),
    ("A.7.9", "assets off premises"),
    ("A.7.10", "storage media"),
    ("A.7.11", "utilities"),
    ("A.7.12", "cabling"),
    ("A.7.13", "maintenance of equipment"),
    ("A.7.14", "disposal of equipment"),
    ("A.8.1", "endpoints"),
    ("A.8.2", "privileged access"),
    ("A.8.3", "restricted access to information"),
    ("A.8.4", "access to source code"),
    ("A.8.5", "secure authentication"),
    ("A.8.6", "capacity"),
    ("A.8.7", "malware"),
    ("A.8.8", "technical vulnerabilities"),
    ("A.8.9", "configuration"),
    ("A.8.10", "deletion of information"),
    ("A.8.11", "masking of data"),
    ("A.8.12", "leaks of data"),
    ("A.8.13", "backup"),
    ("A.8.14", "redundancy"),
    ("A.8.15", "logs"),
    ("A.8.16", "monitoring"),
    ("A.8.17", "clocks in step"),
    ("A.8.18", "privileged programs"),
    ("A.8.19", "installation of software"),
    ("A.8.20", "networks"),
    ("A.8.21", "network services"),
    ("A.8.22", "separated networks"),
    ("A.8.23", "web filters"),
    ("A.8.24", "cryptography"),
    ("A.8.25", "secure development"),
    ("A.8.26", "security of applications"),
    ("A.8.27", "secure architecture"),
    ("A.8.28", "secure code"),
    ("A.8.29", "security tests"),
    ("A.8.30", "development by others"),
    ("A.8.31", "separated environments"),
    ("A.8.32", "changes"),
    ("A.8.33", "test data"),
    ("A.8.34", "audits of running systems"),
];

const GDPR: &[(&str, &str)] = &[
    ("5(1)(a)", "lawful, fair, transparent"),
    ("5(1)(b)", "for its purpose only"),
    ("5(1)(c)", "no more data than needed"),
    ("5(1)(d)", "accurate data"),
    ("5(1)(e)", "kept no longer than needed"),
    ("5(1)(f)", "integrity and confidentiality"),
    ("5(2)", "accountability"),
    ("24", "responsibility of the controller"),
    ("25", "protection by design and by default"),
    ("25(1)", "protection by design"),
    ("25(2)", "protection by default"),
    ("28", "processors"),
    ("30", "records of processing"),
    ("32", "security of processing"),
    ("32(1)", "measures that fit the risk"),
    ("32(1)(a)", "encryption and pseudonyms"),
    ("32(1)(b)", "confidential, intact, available, resilient"),
    ("32(1)(c)", "restored in time"),
    ("32(1)(d)", "measures tested regularly"),
    ("32(2)", "risks weighed"),
    ("32(4)", "processing on instruction only"),
    ("33", "notice of a breach"),
    ("35", "impact assessment"),
    ("44", "transfers to other countries"),
    ("45", "transfers to adequate countries"),
    ("46", "transfers with safeguards"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::RULES;

    #[test]
    fn every_control_of_a_rule_is_known() {
        for rule in RULES {
            for control in rule.controls {
                assert!(control.title().is_some(), "{}: {control}", rule.name);
            }
        }
    }

    #[test]
    fn a_control_is_there_once() {
        for standard in Standard::ALL {
            let mut numbers: Vec<&str> = standard.controls().iter().map(|(number, _)| *number).collect();
            numbers.sort_unstable();
            assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "{standard:?}");
        }
        assert_eq!(ISO27001.len(), 93);
    }
}
