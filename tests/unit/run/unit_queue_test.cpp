#include <run/unit_queue.hpp>

#include <atomic>
#include <memory>
#include <new>
#include <thread>

#include "catch.hpp"

using namespace mdevadm;
using std::chrono::milliseconds;

namespace {

// A unit that needs some attempts, and counts those that use its parent at the same time.
class Fake final : public RetriedTask {
 public:
  Fake(const char* parent, std::atomic<int>& users, unsigned attempts)
      : parent_(*ParentName::parse(parent)), users_(users), left_(attempts) {}

  std::vector<ParentName> parents() override { return {parent_}; }

  std::optional<milliseconds> attempt(Clock::time_point due) override {
    is_early |= Clock::now() < due;
    is_shared |= ++users_ > 1;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    --users_;
    --left_;
    return left_ > 0 ? std::optional(milliseconds(left_ % 2)) : std::nullopt;
  }

  bool is_done() const { return left_ == 0; }

  bool is_early = false;
  bool is_shared = false;

 private:
  ParentName parent_;
  std::atomic<int>& users_;
  unsigned left_;
};

}  // namespace

TEST_CASE(
    "all units are tried until they need no further attempt, those with a common parent one at a time") {
  constexpr unsigned attempts = 200;
  std::atomic<int> users_of_p = 0;
  std::atomic<int> users_of_q = 0;
  std::vector<std::unique_ptr<Fake>> fakes;
  std::vector<RetriedTask*> units;
  for (unsigned i = 0; i < 12; ++i) {
    const bool is_p = i % 3 != 0;
    fakes.push_back(std::make_unique<Fake>(is_p ? "p" : "q", is_p ? users_of_p : users_of_q, attempts));
    units.push_back(fakes.back().get());
  }
  UnitQueue(units).run();
  for (const std::unique_ptr<Fake>& fake : fakes) {
    CHECK(fake->is_done());
    CHECK_FALSE(fake->is_early);
    CHECK_FALSE(fake->is_shared);
  }
}

namespace {

// A unit that fails once it has begun, as for lack of memory.
class Failing final : public RetriedTask {
 public:
  std::vector<ParentName> parents() override { return {*ParentName::parse("p")}; }
  std::optional<milliseconds> attempt(Clock::time_point) override { throw std::bad_alloc(); }
};

}  // namespace

TEST_CASE("a unit whose attempt throws neither blocks the others nor hides its failure") {
  std::atomic<int> users = 0;
  Failing failing;
  Fake before("p", users, 3), after("p", users, 3);
  UnitQueue queue({&before, &failing, &after});
  CHECK_THROWS_AS(queue.run(), std::bad_alloc);
  CHECK(before.is_done());
  CHECK(after.is_done());
}
