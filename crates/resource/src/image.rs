//! Names of images.

/// An image as a container names it: `[REGISTRY/]PATH[:TAG][@DIGEST]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    pub text: &'a str,
    /// Registry and path, as written.
    pub name: &'a str,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Reads a name; `None` for an empty one.
    pub fn read(text: &'a str) -> Option<Image<'a>> {
        if text.is_empty() {
            return None;
        }
        let (rest, digest) = text
            .split_once('@')
            .map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[last..].rfind(':') {
            Some(colon) => (&rest[..last + colon], Some(&rest[last + colon + 1..])),
            None => (rest, None),
        };
        Some(Image {
            text,
            name,
            tag,
            digest,
        })
    }

    /// Registry and path with what container runtimes add to a short name.
    pub fn full_name(&self) -> String {
        match self.name.split_once('/') {
            Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => self.name.to_owned(),
            Some(_) => format!("docker.io/{}", self.name),
            None => format!("docker.io/library/{}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_names() {
        let table = [
            ("nginx", "docker.io/library/nginx", None, None),
            ("acme/iris:1", "docker.io/acme/iris", Some("1"), None),
            ("localhost:5000/iris", "localhost:5000/iris", None, None),
            ("eu.gcr.io/a/b:2@sha256:0", "eu.gcr.io/a/b", Some("2"), Some("sha256:0")),
            ("r.io:443/a@sha256:0", "r.io:443/a", None, Some("sha256:0")),
        ];
        for (text, name, tag, digest) in table {
            let image = Image::read(text).unwrap();
            assert_eq!(
                (image.full_name().as_str(), image.tag, image.digest),
                (name, tag, digest),
                "{text}"
            );
        }
        assert_eq!(Image::read(""), None);
    }
}
