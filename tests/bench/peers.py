#!/usr/bin/env python3
"""Runs the tools that people use for the same import, against the same fake Zendesk.

It sets up a throw-away environment for each below target/bench-peers, runs every tool as shipped (with the address of
the remote system replaced, and tap-zendesk bent to what the fake has), writes what it extracts to a file, counts the
records there, and prints records/s, CPU time and peak memory of the process. Nothing is stored: these figures are for extraction only, while
Tidegate's are for records that are durable.

    cargo build --release -p tests --bin fake-zendesk
    python3 tests/bench/peers.py [--tickets 100000] [--rounds 3] [--only NAME]
"""

import argparse
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PLACE = TARGET / "bench-peers"
EMAIL, TOKEN = "agent@example.com", "fake-token"

PACKAGES = {
    "airbyte-cdk": ["airbyte-cdk==7.39.0"],
    "singer-sdk": ["singer-sdk==0.54.9"],
    "dlt": ["dlt==1.31.0"],
    "tap-zendesk": ["tap-zendesk==2.8.2", "setuptools<81"],
    "source-zendesk-support": ["airbyte-source-zendesk-support==4.9.1"],
}

CDK = """
version: 6.0.0
type: DeclarativeSource
spec: {type: Spec, connection_specification: {type: object, properties: {}, additionalProperties: true}}
check: {type: CheckStream, stream_names: [tickets]}
streams:
  - type: DeclarativeStream
    name: tickets
    primary_key: [id]
    schema_loader: {type: InlineSchemaLoader, schema: {type: object, properties: {}, additionalProperties: true}}
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: ADDRESS
        path: /api/v2/incremental/tickets/cursor.json
        http_method: GET
        authenticator: {type: BasicHttpAuthenticator, username: EMAIL/token, password: TOKEN}
        request_parameters: {start_time: "{{ '1000000000' if not next_page_token else '' }}", per_page: "1000"}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [tickets]}}
      paginator:
        type: DefaultPaginator
        page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: cursor}
        pagination_strategy:
          type: CursorPagination
          cursor_value: "{{ response['after_cursor'] }}"
          stop_condition: "{{ response['end_of_stream'] }}"
"""

SINGER = '''
import sys
from singer_sdk import RESTStream, Tap
from singer_sdk.authenticators import BasicAuthenticator
from singer_sdk.pagination import BaseAPIPaginator

class Pages(BaseAPIPaginator):
    def get_next(self, response):
        body = response.json()
        return None if body["end_of_stream"] else body["after_cursor"]

class Tickets(RESTStream):
    name, primary_keys, records_jsonpath = "tickets", ["id"], "$.tickets[*]"
    path = "/api/v2/incremental/tickets/cursor.json"
    url_base = "ADDRESS"
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}, "additionalProperties": True}
    @property
    def authenticator(self):
        return BasicAuthenticator(username="EMAIL/token", password="TOKEN")
    def get_new_paginator(self):
        return Pages(None)
    def get_url_params(self, context, token):
        return {"per_page": 1000, **({"cursor": token} if token else {"start_time": 1000000000})}

class Mock(Tap):
    name, config_jsonschema = "tap-mock", {"type": "object", "properties": {}}
    def discover_streams(self):
        return [Tickets(self)]

Mock.cli()
'''

DLT = '''
import json, sys
from dlt.sources.rest_api import rest_api_resources
from dlt.sources.helpers.rest_client.auth import HttpBasicAuth
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

class Pages(JSONResponseCursorPaginator):
    def update_state(self, response, data=None):
        super().update_state(response, data)
        if response.json()["end_of_stream"]:
            self._has_next_page = False

resources = rest_api_resources({
    "client": {"base_url": "ADDRESS", "auth": HttpBasicAuth("EMAIL/token", "TOKEN"),
               "paginator": Pages(cursor_path="after_cursor", cursor_param="cursor")},
    "resources": [{"name": "tickets", "endpoint": {
        "path": "/api/v2/incremental/tickets/cursor.json", "data_selector": "tickets",
        "params": {"start_time": 1000000000, "per_page": 1000}}}],
})
for record in resources[0]:
    sys.stdout.write('{"type":"RECORD","record":' + json.dumps(record) + "}\\n")
'''

# What the fake does not have is bent towards it: the address, OAuth, side-loaded metrics, and `fields`, a copy of
# `custom_fields` that the tap throws away. Only the tickets are discovered. The tap's own pauses are taken out, since
# they are meant for another endpoint and would make the run last hours.
TAP_ZENDESK = '''
import base64, json, sys, time
import requests
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
address = urlsplit("ADDRESS")
send, parse = requests.Session.send, requests.Response.json
basic = "Basic " + base64.b64encode(b"EMAIL/token:TOKEN").decode()
def local(self, request, **rest):
    parts = urlsplit(request.url)
    query = [(key, value.removesuffix(".0")) for key, value in parse_qsl(parts.query) if key != "include"]
    request.url = urlunsplit((address.scheme, address.netloc, parts.path, urlencode(query), ""))
    request.headers["Authorization"] = basic
    return send(self, request, **rest)
def with_fields(self, **rest):
    body = parse(self, **rest)
    for ticket in body.get("tickets", []):
        ticket["fields"] = ticket["custom_fields"]
    return body
requests.Session.send, requests.Response.json = local, with_fields
time.sleep = lambda seconds: None
import singer, tap_zendesk
from tap_zendesk.discover import load_shared_schema_refs
from tap_zendesk.streams import STREAMS
if "--discover" in sys.argv:
    stream = STREAMS["tickets"](None, {})
    schema = singer.resolve_schema_references(stream.load_schema(), load_shared_schema_refs())
    entry = {"stream": "tickets", "tap_stream_id": "tickets", "schema": schema, "metadata": stream.load_metadata()}
    print(json.dumps({"streams": [entry]}))
else:
    sys.exit(tap_zendesk.main())
'''

SOURCE_ZENDESK = '''
import sys
import requests
from urllib.parse import urlsplit, urlunsplit
address = urlsplit("ADDRESS")
send = requests.Session.send
def local(self, request, **rest):
    parts = urlsplit(request.url)
    request.url = urlunsplit((address.scheme, address.netloc, parts.path, parts.query, ""))
    request.headers.pop("Host", None)
    return send(self, request, **rest)
requests.Session.send = local
from source_zendesk_support.run import run
run()
'''


def environment(name):
    """The Python of the tool's own environment, made where it is missing."""
    home = PLACE / name
    python = home / "bin" / "python"
    if not python.exists():
        print(f"setting up {name} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(pip + PACKAGES[name], check=True)
    return python


def filled(text, address):
    return text.replace("ADDRESS", address).replace("EMAIL", EMAIL).replace("TOKEN", TOKEN)


def write(folder, name, content):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def command(name, address, folder):
    """The tool's command line, with its files written into `folder`."""
    python = environment(name)
    if name == "airbyte-cdk":
        import_yaml = "import yaml,json,sys; print(json.dumps(yaml.safe_load(sys.stdin)))"
        manifest = subprocess.run([python, "-c", import_yaml], input=filled(CDK, address), text=True,
                                  capture_output=True, check=True).stdout
        config = write(folder, "config.json", {"__injected_declarative_manifest": json.loads(manifest)})
        catalog = write(folder, "catalog.json", catalog_of("full_refresh"))
        return [python.parent / "source-declarative-manifest", "read", "--config", config, "--catalog", catalog]
    if name == "singer-sdk":
        return [python, write(folder, "tap.py", filled(SINGER, address)), "--config", write(folder, "config.json", {})]
    if name == "dlt":
        return [python, write(folder, "extract.py", filled(DLT, address))]
    if name == "tap-zendesk":
        config = {"start_date": "2001-09-09T01:46:40Z", "subdomain": "fake", "access_token": TOKEN}
        script = write(folder, "tap.py", filled(TAP_ZENDESK, address))
        config = write(folder, "config.json", config)
        found = subprocess.run([python, script, "--config", config, "--discover"], capture_output=True, text=True,
                               check=True).stdout
        catalog = json.loads(found)
        for entry in catalog["streams"][0]["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = True
        return [python, script, "--config", config, "--catalog", write(folder, "catalog.json", catalog)]
    config = {"start_date": "2001-09-09T01:46:40Z", "subdomain": "fake",
              "credentials": {"credentials": "api_token", "email": EMAIL, "api_token": TOKEN}}
    script = write(folder, "run.py", filled(SOURCE_ZENDESK, address))
    catalog = write(folder, "catalog.json", catalog_of("incremental"))
    return [python, script, "read", "--config", write(folder, "config.json", config), "--catalog", catalog]


def catalog_of(mode):
    stream = {"name": "tickets", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]}
    return {"streams": [{"stream": stream, "sync_mode": mode, "destination_sync_mode": "append"}]}


def measured(arguments, folder):
    """Runs to the end; records at the sink, wall and CPU seconds, peak MiB."""
    sink = folder / "records.jsonl"
    with open(sink, "wb") as output, open(folder / "log.txt", "wb") as log:
        begun = time.monotonic()
        process = subprocess.Popen([str(part) for part in arguments], stdout=output, stderr=log, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
    marker = re.compile(rb'"type": ?"RECORD"')
    with open(sink, "rb") as lines:
        records = sum(1 for line in lines if marker.search(line[:4096]) or marker.search(line[-4096:]))
    if status != 0 or records == 0:
        tail = "".join(path.read_text(errors="replace")[-2000:] for path in (folder / "log.txt", sink))
        raise SystemExit(f"it ended with {status} and {records} records:\n{tail}")
    return records, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def vendor(tickets):
    """The fake Zendesk with so many tickets, and its address."""
    program = TARGET / "release" / "fake-zendesk"
    if not program.exists():
        raise SystemExit(f"{program} is missing: cargo build --release -p tests --bin fake-zendesk")
    process = subprocess.Popen([program, "--users", "100", "--tickets", str(tickets), "--comments-per-ticket", "0"],
                               stdout=subprocess.PIPE, text=True)
    address = re.search(r"http://[0-9.:]+", process.stdout.readline()).group()
    return process, address


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--slow-tickets", type=int, default=10_000, help="for the tool that needs minutes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=sorted(PACKAGES))
    options = parser.parse_args()
    print(f"{'tool':24} {'records':>8} {'wall s':>8} {'cpu s':>8} {'peak MiB':>9} {'records/s':>10}  spread")
    for name in [options.only] if options.only else PACKAGES:
        slow = name == "source-zendesk-support"
        process, address = vendor(options.slow_tickets if slow else options.tickets)
        try:
            rounds = []
            for _ in range(1 if slow else options.rounds):
                with tempfile.TemporaryDirectory() as folder:
                    folder = pathlib.Path(folder)
                    rounds.append(measured(command(name, address, folder), folder))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
        report(name, rounds)


def report(name, rounds):
    rates = [records / wall for records, wall, _, _ in rounds]
    middle = statistics.median(rates)
    records, wall, cpu, peak = (statistics.median(column) for column in zip(*rounds))
    spread = (max(rates) - min(rates)) / 2 / middle
    print(f"{name:24} {records:8.0f} {wall:8.1f} {cpu:8.1f} {peak:9.0f} {middle:10.0f}  ±{spread:.0%}", flush=True)


if __name__ == "__main__":
    main()
