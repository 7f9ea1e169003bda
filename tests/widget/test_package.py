"""The npm package, as somebody else installs it: bundled, typed, and imported on a server."""

import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.widget.conftest import Shop, part_started
from tests.widget.test_build import WIDGET

pytestmark = [pytest.mark.browser, pytest.mark.slow]
APP = """
import firsthand, { init, type Options } from "firsthand-browser";
const options: Partial<Options> = { host: HOST, vitals: false, pageviews: false };
firsthand.identify("ana", { plan: "pro" });
init(KEY, options);
firsthand.track("bundled");
(window as unknown as { firsthand: typeof firsthand }).firsthand = firsthand;
"""
STRICT = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom"]
RESOLUTIONS = {"bundler": "esnext", "nodenext": "nodenext"}
"""How TypeScript finds packages, with the module format that it needs."""


def run(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product's folder with the packed package installed."""
    folder = tmp_path_factory.mktemp("product")
    run("node", "build.mjs", "--package", folder=WIDGET)
    packed = json.loads(run("npm", "pack", "--json", "--pack-destination", str(folder), folder=WIDGET))
    with tarfile.open(folder / packed[0]["filename"]) as archive:
        archive.extractall(folder / "node_modules", filter="data")
    (folder / "node_modules" / "package").rename(folder / "node_modules" / "firsthand-browser")
    return folder


def tool(name: str) -> str:
    return str(WIDGET / "node_modules" / ".bin" / name)


def test_it_has_what_it_says_and_no_dependencies(product: Path) -> None:
    package = product / "node_modules" / "firsthand-browser"
    said = json.loads((package / "package.json").read_text(encoding="utf-8"))
    assert "dependencies" not in said
    assert (package / said["exports"]["."]["types"]).is_file()
    assert (package / said["exports"]["."]["default"]).is_file()
    assert (package / "README.md").is_file()
    assert {path.suffix for path in package.rglob("*") if path.is_file()} == {".js", ".ts", ".json", ".md"}


def test_it_can_be_imported_and_called_on_a_server(product: Path) -> None:
    script = """
        import firsthand, { init } from "firsthand-browser";
        init("key", { host: "https://example.com" });
        for (let i = 0; i < 10; i++) firsthand.track("rendered");
        firsthand.open();
        console.log("fine");
    """
    (product / "server.mjs").write_text(script, encoding="utf-8")
    assert run("node", "server.mjs", folder=product) == "fine\n"


def test_it_is_typed_and_works_when_bundled(product: Path, shop: Shop) -> None:
    host = f"{shop.site.address}/fh"
    source = APP.replace("HOST", json.dumps(host)).replace("KEY", json.dumps(shop.team.write_key))
    (product / "app.ts").write_text(source, encoding="utf-8")
    (product / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    for resolution, module in RESOLUTIONS.items():
        run(
            tool("tsc"),
            *STRICT,
            "--moduleResolution",
            resolution,
            "--module",
            module,
            "app.ts",
            folder=product,
        )
    command = ("--bundle", "--format=esm", "--splitting", "--outdir=built", "--log-level=error")
    run(tool("esbuild"), "app.ts", *command, folder=product)
    for path in (product / "built").glob("*.js"):
        shop.site.files[f"/{path.name}"] = path.read_text(encoding="utf-8")
    shop.visit(tag="<script type=module src=/app.js></script>")
    part_started(shop.page)
    shop.page.evaluate("() => firsthand.captureException(new Error('broken'))")
    shop.page.goto("about:blank")
    found = shop.stored(3)
    assert sorted(each.event for each in found) == ["$exception", "$identify", "bundled"]
    [error] = [each for each in found if each.event == "$exception"]
    assert error.properties["$exception_list"][0]["stacktrace"]["frames"]
