#include <mdevadm/plan/plan.hpp>
#include <run/probe.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;

TEST_CASE("a probe stores what the parent offers beside the devices that it has created") {
  const test::Host tree("samples");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Host host(root);
  const store::Store store(root);
  const Effects effects{host, store};
  const ParentName mtty = *ParentName::parse("mtty");
  const TypeName one = *TypeName::parse("mtty-1"), two = *TypeName::parse("mtty-2");
  note_remainder(effects, {mtty, {{one, 1}}, "idle"});
  note_remainder(effects, {mtty, {{two, 1}}, "idle"});
  ProbeResults results = store.load_probes(mtty);
  CHECK(results.state == "idle");
  REQUIRE(results.all.size() == 2);
  const ProbeResult* found = results.find({{one, 1}});
  REQUIRE(found != nullptr);
  CHECK(found->left == TypeCounts{{one, 21}, {two, 10}});
  // Results of another state are not valid any more.
  note_remainder(effects, {mtty, {{one, 2}}, "other"});
  results = store.load_probes(mtty);
  CHECK(results.state == "other");
  CHECK(results.all.size() == 1);
  try {
    note_remainder(effects, {*ParentName::parse("gone"), {{one, 1}}, "idle"});
    FAIL("noted");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::not_found);
    CHECK(std::string(error.what()) == "parent gone no longer exists");
  }
}
