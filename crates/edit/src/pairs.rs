//! Arguments of the form `key:value`, and options of `buildMetadata`.

use crate::error::{Result, argument};

/// The pairs of arguments; of a key given twice, the last one. A key alone has an empty value.
pub(crate) fn pairs<'a>(arguments: impl IntoIterator<Item = &'a str>, kind: &str) -> Result<Vec<(String, String)>> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for text in arguments {
        let (key, value) = text.split_once(':').unwrap_or((text, ""));
        if key.is_empty() && text.starts_with(':') {
            return argument(format!(
                "invalid {kind}: '{text}' (need k:v pair where v may be quoted)"
            ));
        }
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        pairs.retain(|(known, _)| known != key);
        pairs.push((key.to_owned(), unquoted.unwrap_or(value).to_owned()));
    }
    Ok(pairs)
}

/// The options of one argument, separated by commas.
pub(crate) fn build_metadata(arguments: &[String]) -> Result<Vec<String>> {
    const KNOWN: [&str; 3] = ["originAnnotations", "transformerAnnotations", "managedByLabel"];
    let options: Vec<String> = match arguments {
        [] => return argument("must specify a buildMetadata option"),
        [options] => options.split(',').map(str::to_owned).collect(),
        _ => {
            return argument(format!(
                "too many arguments: [{}]; to provide multiple buildMetadata options, please separate options by comma",
                arguments.join(" ")
            ));
        }
    };
    match options.iter().find(|option| !KNOWN.contains(&option.as_str())) {
        Some(option) => argument(format!("invalid buildMetadata option: {option}")),
        None => Ok(options),
    }
}
