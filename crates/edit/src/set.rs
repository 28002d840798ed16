//! `edit set`: images, replicas, the prefix, suffix and namespace of names, labels, annotations and options
//! of `buildMetadata`. ConfigMaps and Secrets are in [`generator`](crate::generator).

use std::path::Path;

use yaml::{Map, Node, Step, Tag};

use crate::add::common;
use crate::error::{Error, Result, argument};
use crate::file::Kustomization;
use crate::{Notes, pairs};

/// A text at the top of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    NamePrefix,
    NameSuffix,
    Namespace,
}

/// Sets a text; an empty one takes the field away.
pub fn field(directory: &Path, field: Field, arguments: &[String]) -> Result<Notes> {
    let (key, word) = match field {
        Field::NamePrefix => ("namePrefix", "prefix"),
        Field::NameSuffix => ("nameSuffix", "suffix"),
        Field::Namespace => ("namespace", "namespace"),
    };
    let [value] = arguments else {
        return argument(format!("must specify exactly one {word} value"));
    };
    let mut file = Kustomization::open(directory)?;
    if !value.is_empty() {
        file.set(&[Step::Key(key)], &Node::string(value.as_str()))?;
    } else if file.get(key).is_some() {
        file.remove(&[Step::Key(key)])?;
    }
    file.save()?;
    Ok(Notes::new())
}

/// Sets pairs of `commonLabels`.
pub fn label(directory: &Path, arguments: &[String]) -> Result<Notes> {
    map(directory, "commonLabels", "label", arguments)
}

/// Sets pairs of `commonAnnotations`.
pub fn annotation(directory: &Path, arguments: &[String]) -> Result<Notes> {
    map(directory, "commonAnnotations", "annotation", arguments)
}

fn map(directory: &Path, field: &str, word: &str, arguments: &[String]) -> Result<Notes> {
    if arguments.is_empty() {
        return argument(format!("must specify {word}"));
    }
    let pairs = pairs::pairs(arguments.iter().map(String::as_str), word)?;
    common(Kustomization::open(directory)?, field, word, &pairs, true)
}

/// Sets the options of `buildMetadata`, all of them.
pub fn build_metadata(directory: &Path, arguments: &[String]) -> Result<Notes> {
    let options = pairs::build_metadata(arguments)?;
    let mut file = Kustomization::open(directory)?;
    let old = file.texts("buildMetadata");
    if old != options {
        options
            .iter()
            .try_for_each(|option| file.push_text("buildMetadata", option))?;
        (0..old.len()).try_for_each(|_| file.remove(&[Step::Key("buildMetadata"), Step::Index(0)]))?;
    }
    file.save()?;
    Ok(Notes::new())
}

const IMAGE_FORMS: &str = "invalid format of image, use one of the following options:
- <image>=<newimage>:<newtag>
- <image>=<newimage>@<digest>
- <image>=<newimage>:<newtag>@<digest>
- <image>=<newimage>
- <image>:<newtag>
- <image>:<newtag>@<digest>
- <image>@<digest>";

/// What one argument says of an image: `newName`, `newTag`, `digest`; `*` is what the file says.
struct Image {
    name: String,
    fields: [(&'static str, String); 3],
}

/// Sets the name, tag or digest of images; several in one call.
pub fn image(directory: &Path, arguments: &[String]) -> Result<Notes> {
    if arguments.is_empty() {
        return argument("no image specified");
    }
    let images = arguments
        .iter()
        .map(|text| parse_image(text))
        .collect::<Result<Vec<_>>>()?;
    let mut file = Kustomization::open(directory)?;
    file.move_items("imageTags", "images")?;
    for (position, image) in images.iter().enumerate() {
        if images[position + 1..].iter().all(|later| later.name != image.name) {
            set_image(&mut file, image)?;
        }
    }
    file.save()?;
    Ok(Notes::new())
}

fn set_image(file: &mut Kustomization, image: &Image) -> Result<()> {
    let is_meant = |entry: &Node| entry.get("name").and_then(Node::as_str) == Some(&image.name);
    let Some(index) = file.items("images").iter().position(is_meant) else {
        let mut entry = Map::new();
        entry.insert("name", Node::string(image.name.as_str()));
        for (field, value) in image
            .fields
            .iter()
            .filter(|(_, value)| !value.is_empty() && value != "*")
        {
            entry.insert(*field, Node::string(value.as_str()));
        }
        return file.push(&[Step::Key("images")], &Node::map(entry));
    };
    let old = file.items("images")[index].clone();
    let at = |field| [Step::Key("images"), Step::Index(index), Step::Key(field)];
    for (field, value) in image.fields.iter().filter(|(_, value)| value != "*") {
        if !value.is_empty() {
            file.set(&at(field), &Node::string(value.as_str()))?;
        } else if old.get(field).is_some() {
            file.remove(&at(field))?;
        }
    }
    if old.get("tagSuffix").is_some() {
        file.remove(&at("tagSuffix"))?;
    }
    let more = file.items("images").len();
    for later in (index + 1..more)
        .rev()
        .filter(|later| is_meant(&file.items("images")[*later]))
        .collect::<Vec<_>>()
    {
        file.remove(&[Step::Key("images"), Step::Index(later)])?;
    }
    Ok(())
}

fn parse_image(text: &str) -> Result<Image> {
    let (key, value) = text.split_once('=').unwrap_or(("", text));
    let (name, tag, digest) = split_image(value);
    if name == text {
        return argument(IMAGE_FORMS);
    }
    let (name, new_name) = if key.is_empty() { (name, "") } else { (key, name) };
    Ok(Image {
        name: name.to_owned(),
        fields: [
            ("newName", new_name.to_owned()),
            ("newTag", tag.to_owned()),
            ("digest", digest.to_owned()),
        ],
    })
}

/// Name, tag and digest; a colon before the first slash belongs to the registry.
fn split_image(image: &str) -> (&str, &str, &str) {
    let path = image.find('/').filter(|slash| *slash > 0).unwrap_or(0);
    let find = |c| image[path..].find(c).map(|at| path + at);
    match (find('@'), find(':')) {
        (None, None) => (image, "", ""),
        (Some(at), Some(colon)) if colon < at => (&image[..colon], &image[colon + 1..at], &image[at + 1..]),
        (Some(at), _) => (&image[..at], "", &image[at + 1..]),
        (None, Some(colon)) => (&image[..colon], &image[colon + 1..], ""),
    }
}

/// Sets counts of replicas.
pub fn replicas(directory: &Path, arguments: &[String]) -> Result<Notes> {
    if arguments.is_empty() {
        return argument("no replicas specified");
    }
    let invalid = || Error::Argument("invalid format of replica, use the following format: <name>=<count>".to_owned());
    let mut counts = Vec::new();
    for text in arguments {
        let (name, count) = text.split_once('=').ok_or_else(invalid)?;
        counts.push((name, count.parse::<i64>().map_err(|_| invalid())?));
    }
    let mut file = Kustomization::open(directory)?;
    for (name, count) in counts {
        let count = Node::scalar(count.to_string(), Tag::Int);
        let is_meant = |entry: &Node| entry.get("name").and_then(Node::as_str) == Some(name);
        match file.items("replicas").iter().position(is_meant) {
            Some(index) => file.set(&[Step::Key("replicas"), Step::Index(index), Step::Key("count")], &count)?,
            None => {
                let mut entry = Map::new();
                entry.insert("name", Node::string(name));
                entry.insert("count", count);
                file.push(&[Step::Key("replicas")], &Node::map(entry))?;
            }
        }
    }
    file.save()?;
    Ok(Notes::new())
}
