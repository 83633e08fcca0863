"""Every service that changes something asks first; what was refused has changed nothing."""

import ast
import contextlib
from types import SimpleNamespace

import pytest

from app import (
    class_board,
    services,
    services_devices,
    services_lessons,
    services_live,
    visitor,
)
from app.class_room import CODE_ENV, TOKEN_ENV
from app.visitor import person as current
from kd_core.config import AnalysisSettings
from kd_core.data.draft import draft
from kd_core.errors import AccessError, KDLabError
from kd_core.latency.own_devices import this_machine
from kd_core.lessons.plan import Plan
from kd_core.study.rights import RIGHTS, ROLES, Person
from tests.helpers_app import cell_folder, tiny_study
from tests.helpers_code import sources
from tests.helpers_lessons import sample_material

THEIRS = "b" * 24


def act_as(monkeypatch, role):
    """From now on whoever calls a service has this role."""
    me = Person("a" * 24, role, "Ana")
    modules = (visitor, services, services_devices, services_lessons, services_live, class_board)
    for module in modules:
        if hasattr(module, "person"):
            monkeypatch.setattr(module, "person", lambda: me)
    return me


@pytest.fixture
def class_open(monkeypatch):
    monkeypatch.setenv(CODE_ENV, "heron-7")
    monkeypatch.setenv(TOKEN_ENV, "grey-heron-77")


@pytest.fixture
def place(filled, class_open, tmp_path, monkeypatch):
    """A home with a study of somebody else's, one run of theirs in the queue, and a draft."""
    store = services.services().store
    with store.db.write() as db:
        db.execute("UPDATE studies SET owner = ?", [THEIRS])
        db.execute("UPDATE runs SET owner = ?", [THEIRS])
    waiting = services.services().jobs.submit(tiny_study(seed=7), owner=THEIRS)
    monkeypatch.setenv("KDLAB_DATA_ROOT", str(tmp_path))
    monkeypatch.setattr(services, "download_set", lambda name, to, progress: to / name)
    for name in ("start", "ask_to_stop"):
        monkeypatch.setattr(services_devices.calibration, name, lambda root, **more: None)
    monkeypatch.setattr(services_lessons, "make_aside", lambda *asked: None)
    found = draft(cell_folder(tmp_path / "new", 12))
    return SimpleNamespace(
        study=filled.study, run=store.runs(study=waiting)[0].id, draft=found, store=store
    )


# Each service by its right, as a page would call it on what is somebody else's.
ACTS = {
    "submit": ("start", lambda p: services.submit(tiny_study(seed=1), reuse=False)),
    "ask": ("change_others", lambda p: services.ask(p.run, "cancel")),
    "remove_study": ("change_others", lambda p: services.remove_study(p.study)),
    "open_test": ("open_test+change_others", lambda p: services.open_test(p.study)),
    "ask_test": ("open_test+change_others", lambda p: services.ask_test(p.study, ["teacher"])),
    "look_at_robustness": (
        "change_others",
        lambda p: services.look_at_robustness(p.study, [], AnalysisSettings()),
    ),
    "server_path": ("browse", lambda p: services.server_path("new")),
    "public_set": ("fetch", lambda p: services.public_set("bloodmnist", lambda *_: None)),
    "upload_room": ("upload", lambda p: services.upload_room(5)),
    "add_dataset": ("upload", lambda p: services.add_dataset(p.draft, "new")),
    "remove_dataset": ("change_others", lambda p: services.remove_dataset("cells")),
    "keep_file": ("upload", lambda p: services.keep_file("w-1.pt", b"w", lambda path: None)),
    "save_own_device": (
        "upload", lambda p: services_devices.save_own_device("a_box", this_machine())
    ),
    "remove_own_device": ("upload", lambda p: services_devices.remove_own_device("no_box")),
    "take_results": ("upload", lambda p: services_devices.take_results(b"{}")),
    "issue_bundle": ("start", lambda p: services_devices.issue_bundle([], None, str, "")),
    "prepare_calibration": ("start", lambda p: services_devices.prepare_calibration()),
    "measure_here": ("machine", lambda p: services_devices.measure_here()),
    "stop_measuring": ("machine", lambda p: services_devices.stop_measuring()),
    "rules": ("look", lambda p: class_board.rules()),
    "places": ("look", lambda p: class_board.places()),
    "enter": ("start", lambda p: class_board.enter("r-none", "main")),
    "leave": ("start", lambda p: class_board.leave()),
    "my_models": ("look", lambda p: class_board.my_models()),
    "set_rules": (
        "board",
        lambda p: class_board.set_rules(is_open=True, dataset="cells", budget_bytes=0),
    ),
    "reset": ("board", lambda p: class_board.reset()),
    "remove_person": ("board", lambda p: class_board.remove_person(THEIRS)),
    "start_live": ("start", lambda p: services_live.start_live(sample_material(), 0.3, 4.0)),
    "my_live_runs": ("look", lambda p: services_live.my_live_runs(sample_material())),
    "alone_run": ("look", lambda p: services_live.alone_run(sample_material())),
    "here": ("board", lambda p: class_board.here()),
    "class_runs": ("board", lambda p: class_board.class_runs()),
    "wipe_class": ("board", lambda p: class_board.wipe_class()),
    "used_bytes": ("look", lambda p: class_board.used_bytes()),
    "keep_answer": (
        "start", lambda p: class_board.keep_answer("loss", "alpha", "0.5", is_right=True)
    ),
    "my_answers": ("look", lambda p: class_board.my_answers("loss")),
    "answer_counts": ("board", lambda p: class_board.answer_counts("loss")),
    "lesson_plan": ("look", lambda p: services_lessons.lesson_plan()),
    "set_lesson_plan": ("board", lambda p: services_lessons.set_lesson_plan(Plan(order=("loss",)))),
    "making": ("look", lambda p: services_lessons.making()),
    "prepare": ("board", lambda p: services_lessons.prepare("", "modes")),
}  # fmt: skip


def state(place):
    """All that a service can change, to compare before and after."""
    home, store = place.store.home, place.store
    files = {
        str(path.relative_to(home.root)): path.stat().st_size
        for folder in (home.datasets, home.uploads, home.studies, home.root / "devices")
        for path in folder.rglob("*")
        if path.is_file()
    }
    people = class_board.room().people
    set_by_teacher = people.setting("board"), people.setting("lessons")
    return files, store.studies(), store.runs(), set_by_teacher, services_lessons._maker().now


@pytest.mark.parametrize("role", ROLES)
def test_every_service_asks_for_its_right(place, monkeypatch, role):
    for name, (needed, act) in ACTS.items():
        me = act_as(monkeypatch, role)
        if all(me.may(right) for right in needed.split("+")):
            continue
        before = state(place)
        with pytest.raises(AccessError) as caught:
            act(place)
        wanted = {"class_code_needed"} if role == "guest" else {"not_allowed", "not_yours"}
        assert caught.value.code in wanted, name
        assert state(place) == before, name


@pytest.mark.parametrize("role", [role for role in ROLES if role != "guest"])
def test_who_has_the_right_is_not_refused(place, monkeypatch, role):
    # what removes things goes last
    order = sorted(ACTS, key=lambda name: name.startswith(("remove", "wipe", "open_test")))
    for name in order:
        needed, act = ACTS[name]
        me = act_as(monkeypatch, role)
        if not all(me.may(right) for right in needed.split("+")):
            continue
        code = ""
        try:
            act(place)
        except (KDLabError, ValueError, AttributeError) as error:  # of the empty bundle, say
            code = getattr(error, "code", "")
        assert code not in ("not_allowed", "not_yours", "class_code_needed"), name


def test_every_right_guards_something():
    assert set(RIGHTS) == {right for needed, _ in ACTS.values() for right in needed.split("+")}


def test_a_visitor_changes_what_is_their_own(place, monkeypatch):
    me = act_as(monkeypatch, "visitor")
    study = services.submit(tiny_study(seed=2), reuse=False)
    run = place.store.runs(study=study)[0]
    assert run.owner == me.owner
    services.ask(run.id, "cancel")
    assert place.store.run(run.id).status == "cancelled"
    services.add_dataset(place.draft, "hers")
    services.remove_dataset("hers")
    assert "hers" not in services.services().library
    for row in place.store.runs(study=study)[1:]:
        with contextlib.suppress(KDLabError):
            services.ask(row.id, "cancel")
    services.remove_study(study)
    assert study not in {row.id for row in place.store.studies()}
    with pytest.raises(AccessError, match="not_allowed"):  # not even of one's own
        services.open_test(place.study)


def test_a_visitor_keeps_no_more_than_the_limit(place, monkeypatch):
    me = act_as(monkeypatch, "visitor")
    monkeypatch.setenv("KDLAB_CLASS_UPLOAD_MB", "1")
    services.room.clear()
    services.keep_file("w-1.pt", b"0" * 900_000, lambda path: None)
    assert services.upload_room() == 100_000
    for act in (
        lambda: services.keep_file("w-2.pt", b"0" * 100_001, lambda path: None),
        lambda: services.upload_room(100_001),
    ):
        with pytest.raises(AccessError, match="upload_limit"):
            act()
    people = services.room().people
    people.note_upload(me.id, "file", "w-3.pt", 100_000)
    with pytest.raises(AccessError, match="upload_limit"):
        services.add_dataset(place.draft, "new")
    assert "new" not in services.services().library  # removed again
    assert services.upload_mb(500) == 1
    act_as(monkeypatch, "teacher")
    assert services.upload_mb(500) == 500
    assert services.upload_room(10**7) is None


def test_a_class_leaves_room_on_the_disk(place, monkeypatch):
    act_as(monkeypatch, "visitor")
    monkeypatch.setattr(services, "FREE_BYTES", 10**18)
    for act in (
        lambda: services.upload_room(1),
        lambda: services.submit(tiny_study(seed=3), reuse=False),
    ):
        with pytest.raises(KDLabError, match="disk_full"):
            act()


def test_a_refused_file_leaves_nothing(place, monkeypatch):
    act_as(monkeypatch, "visitor")

    def refuse(path):
        raise KDLabError("file_empty", name="w")

    with pytest.raises(KDLabError, match="file_empty"):
        services.keep_file("w-1.pt", b"w", refuse)
    assert not list(place.store.home.uploads.iterdir())


def test_a_member_still_opens_the_test_part_of_their_own_study(filled, monkeypatch):
    me = act_as(monkeypatch, "member")
    store = services.services().store
    with store.db.write() as db:
        db.execute("UPDATE studies SET owner = ?", [me.owner])
    assert services.open_test(filled.study).test_opened_by == me.owner


READS = {
    "services", "data_root", "brought_by", "upload_mb", "leave_room", "may_teach", "may_measure",
    "require", "allowed", "allowed_own",
}  # fmt: skip
"""Public functions of the services that change nothing and read what everybody inside may."""


def test_every_function_of_the_services_is_swept():
    public = {
        node.name
        for path in SERVICES - {"app/class_room.py"}
        for node in sources("app")[path].body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    assert public - READS == set(ACTS)


# What only the services may call; a page that called one would get around the question.
BELOW = {
    "delete_study", "delete_dataset", "delete_run", "download_set", "inside_data_root",
    "save_device", "delete_device", "take_in", "ask_to_stop", "request", "request_study", "wipe",
    "note_upload", "forget_upload", "enter_board", "make_aside", "make_material",
}  # fmt: skip
ON_OBJECTS = {("library", "add"), ("library", "delete"), ("store", "open_test"), ("jobs", "submit")}
SERVICES = {
    "app/services.py", "app/services_devices.py", "app/services_lessons.py",
    "app/services_live.py",
    "app/class_board.py", "app/class_room.py",
}  # fmt: skip


def test_pages_call_services_and_nothing_below_them():
    faults = []
    for path, tree in sources("app", "pages").items():
        if path in SERVICES:
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            of = called.value if isinstance(called, ast.Attribute) else None
            owner = getattr(of, "attr", getattr(of, "id", ""))
            if name in BELOW or (owner, name) in ON_OBJECTS:
                faults.append(f"{path}:{node.lineno} {name}")
    assert not faults, "\n".join(faults)


def test_without_a_class_there_is_one_owner(monkeypatch):
    for name in (CODE_ENV, TOKEN_ENV, "KDLAB_SHARED"):
        monkeypatch.delenv(name, raising=False)
    assert current().role == "owner"
    monkeypatch.setenv("KDLAB_SHARED", "1")
    assert current().role == "member"
