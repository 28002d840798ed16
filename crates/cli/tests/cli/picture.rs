//! The pictures of `terrace identity graph`: the one in the documentation is that of the example, and a page works in
//! a browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::run::{TERRACE, run};

const AT: &str = "2026-11-21T12:00:00Z";

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

pub(crate) fn trials() -> Vec<Trial> {
    let browser = BROWSERS.into_iter().find(|name| {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths).any(|directory| directory.join(name).is_file())
    });
    vec![
        Trial::test("picture of the example is in the documentation", is_documented),
        Trial::test("picture on a page has all that JSON has", is_whole),
        Trial::test("picture on a page works in a browser", move || works(browser.unwrap()))
            .with_ignored_flag(browser.is_none()),
    ]
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// What the command prints of the example.
fn graph(format: &str) -> String {
    let arguments = ["identity", "graph", "--at", AT, "-o", format].map(str::to_owned);
    let answer = run(Path::new(TERRACE), &arguments, &root().join("examples/iris"), &[]);
    assert_eq!(answer.code, Some(0), "{}", String::from_utf8_lossy(&answer.error));
    String::from_utf8(answer.out).unwrap()
}

/// `UPDATE=1` writes the picture.
fn is_documented() -> Result<(), Failed> {
    let path = root().join("docs/identity-graph.svg");
    let found = graph("svg");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &found).unwrap();
    }
    if fs::read_to_string(&path).unwrap_or_default() != found {
        return Err("docs/identity-graph.svg is not what terrace identity graph draws of examples/iris".into());
    }
    Ok(())
}

fn is_whole() -> Result<(), Failed> {
    let page = graph("html");
    let data = page
        .split_once("id=\"data\">")
        .unwrap()
        .1
        .split_once("</script>")
        .unwrap()
        .0;
    let mut data: serde_json::Value = serde_json::from_str(data).unwrap();
    let environments = data.as_object_mut().unwrap().remove("environments");
    assert_eq!(environments, Some(serde_json::json!(["staging", "prod"])));
    let expected: serde_json::Value = serde_json::from_str(&graph("json")).unwrap();
    assert_eq!(data, expected);
    // Nothing is fetched from elsewhere.
    for word in ["src=", "href=", "url(", "@import", "fetch("] {
        assert!(!page.contains(word), "{word}");
    }
    Ok(())
}

/// A script at the end of the page does what a user does, and writes what is there then.
fn works(browser: &str) -> Result<(), Failed> {
    let script = r"
        const shown = what => document.querySelectorAll(what + ':not(.hidden)').length;
        const told = [];
        const tell = (name, value) => told.push(name + '=' + value);
        const stage = document.getElementById('stage'), search = document.getElementById('search');
        const scale = () => Number(stage.dataset.scale);
        const at = (type, x, y, more) => stage.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, pointerId: 1, bubbles: true, ...more }));
        stage.setPointerCapture = () => {};
        tell('nodes', shown('[data-node]'));
        const before = [view.x, view.y];
        at('pointerdown', 300, 300); at('pointermove', 340, 320); at('pointerup', 340, 320);
        tell('moved', (view.x - before[0]) + ',' + (view.y - before[1]));
        const small = scale();
        stage.dispatchEvent(new WheelEvent('wheel', { deltaY: -300, clientX: 200, clientY: 200, cancelable: true }));
        tell('zoomed', scale() > small);
        search.value = 'trainer'; search.dispatchEvent(new Event('input'));
        tell('found', document.getElementById('found').textContent);
        tell('lit', document.querySelectorAll('[data-node].lit').length);
        search.value = ''; search.dispatchEvent(new Event('input'));
        const staging = document.querySelector('input[value=staging]');
        staging.click();
        tell('without staging', shown('[data-node]') + ',' + [...document.querySelectorAll('[data-node]:not(.hidden) title')].some(title => title.textContent.includes('staging')));
        staging.click();
        document.getElementById('marked').click();
        tell('marked', shown('[data-edge]'));
        document.getElementById('marked').click();
        choose(document.querySelector('.label.broad rect'));
        tell('broad', document.getElementById('details').textContent.includes('declared atiam/policies.json:'));
        choose(document.querySelector('.edge.missing path'));
        tell('missing', document.getElementById('details').textContent.includes('storage.objects.create: CustomJob/train writes its output'));
        chooseNode(0);
        tell('declared', document.getElementById('details').textContent.includes('base/retrain.yaml:4:9'));
        document.title = told.join(' ');
    ";
    let page = graph("html").replace("</body>", &format!("<script>{{{script}}}</script></body>"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("page.html");
    fs::write(&path, page).unwrap();
    let answer = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--virtual-time-budget=5000",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            directory.path().join("profile").display()
        ))
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&answer.stdout).into_owned();
    let told = dom
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"))
        .map_or("", |(title, _)| title);
    let expected = "nodes=27 moved=40,20 zoomed=true found=2 found lit=2 without staging=15,false marked=5 broad=true \
                    missing=true declared=true";
    if told != expected {
        return Err(format!("{told}\ninstead of\n{expected}").into());
    }
    Ok(())
}
