// The numbers are published: NVIDIA's type table of 2016, a GVT-g listing and bug report, and driver sources.
#include <mdevadm/plan/capacity.hpp>

#include <array>
#include <random>

#include "catch.hpp"

using namespace mdevadm::plan;

namespace {

using Row = std::vector<std::uint64_t>;

Row left(const Capacity& capacity) {
  Row row;
  for (const std::string& type : capacity.types()) {
    row.push_back(capacity.left(type));
  }
  return row;
}

Row after(Capacity capacity, const std::string& type) {
  capacity.take(type);
  return left(capacity);
}

const std::vector<FramebufferType> m60{{"11", 16, 512}, {"12", 16, 512}, {"13", 8, 1024}, {"14", 8, 1024},
                                       {"15", 4, 2048}, {"16", 4, 2048}, {"17", 2, 4096}, {"18", 1, 8192}};

Capacity m60_by(Mix mix) {
  return homogeneous(m60, 8192, mix);
}

}  // namespace

TEST_CASE("an M60 limited to one type accepts no other type until its last device is removed") {
  Capacity gpu = m60_by(Mix::type);
  const Row idle{16, 16, 8, 8, 4, 4, 2, 1};
  CHECK(left(gpu) == idle);
  gpu.take("17");
  CHECK(left(gpu) == Row{0, 0, 0, 0, 0, 0, 1, 0});
  CHECK(gpu.is_shut_out("14"));
  CHECK_FALSE(gpu.is_shut_out("17"));
  gpu.take("17");
  CHECK(left(gpu) == Row{0, 0, 0, 0, 0, 0, 0, 0});
  CHECK_FALSE(gpu.is_shut_out("17"));
  gpu.give_back("17");
  gpu.give_back("17");
  CHECK(left(gpu) == idle);
}

TEST_CASE("an M60 limited to one size accepts types of the same framebuffer") {
  CHECK(after(m60_by(Mix::size), "13") == Row{0, 0, 7, 7, 0, 0, 0, 0});
  Capacity gpu = m60_by(Mix::size);
  gpu.take("11");
  gpu.take("12");
  CHECK(left(gpu) == Row{14, 14, 0, 0, 0, 0, 0, 0});
  CHECK(gpu.is_shut_out("18"));
}

TEST_CASE("an M60 with mixed sizes accepts types up to its framebuffer memory") {
  CHECK(after(m60_by(Mix::mixed), "17") == Row{8, 8, 4, 4, 2, 2, 1, 0});
  CHECK(after(m60_by(Mix::mixed), "18") == Row{0, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("GVT-g capacity is limited by aperture and hidden memory and fences") {
  struct Published {
    std::uint64_t aperture;
    Row idle;
    std::vector<Row> after;  // by type: available instances after creating one device of it
  };
  const std::array<Published, 4> table{
      {{256, {2, 1}, {{1, 0}, {0, 0}}},
       {512, {6, 3, 1}, {{5, 2, 1}, {4, 2, 1}, {2, 1, 0}}},
       {1024, {7, 5, 2, 1}, {{6, 4, 2, 1}, {5, 4, 2, 1}, {4, 3, 1, 0}, {1, 1, 0, 0}}},
       {2048, {4, 3, 1, 0}, {{3, 2, 1, 0}, {3, 2, 1, 0}, {1, 1, 0, 0}}}}};
  for (const Published& row : table) {
    CAPTURE(row.aperture);
    const Capacity gpu = gvt({row.aperture, 4096, 32});
    CHECK(left(gpu) == row.idle);
    for (std::size_t i = 0; i < row.after.size(); ++i) {
      CAPTURE(i);
      CHECK(after(gpu, gpu.types()[i]) == row.after[i]);
    }
  }
  CHECK_FALSE(gvt({2048, 4096, 32}).fits("1"));
}

TEST_CASE("an aggregated GVT-g device uses memory per unit and fences once") {
  Capacity gpu = gvt({1024, 4096, 32});
  CHECK(gpu.fits("8", 7));
  CHECK_FALSE(gpu.fits("8", 8));
  gpu.take("8", 3);
  CHECK(left(gpu) == Row{4, 3, 1, 0});  // of 896 - 192 aperture, 2688 - 1152 hidden, 28 - 4 fences
  CHECK(gpu.most_units("8", 3) == 7);
  gpu.give_back("8", 3);
  CHECK(left(gpu) == Row{7, 5, 2, 1});
}

TEST_CASE("capacity of sample drivers and s390 counts ports and memory and instances") {
  const std::vector<SizedType> ports{{"1", 1}, {"2", 2}};
  CHECK(left(pool("ports", 24, ports)) == Row{24, 12});
  CHECK(after(pool("ports", 24, ports), "1") == Row{23, 11});
  const std::vector<SizedType> memory{{"small", 4}, {"medium", 16}, {"large", 64}};
  CHECK(left(pool("memory", 256, memory)) == Row{64, 16, 4});
  CHECK(after(pool("memory", 256, memory), "small") == Row{63, 15, 3});
  const std::vector<std::string> displays{"vga", "xga", "hd"};
  CHECK(after(counter(4, displays), "hd") == Row{3, 3, 3});
  const std::vector<SizedType> alone{{"a", 2}, {"b", 5}};
  CHECK(after(separate(alone), "a") == Row{1, 5});
}

TEST_CASE("an unknown type has no available instances") {
  CHECK(m60_by(Mix::type).left("20") == 0);
  CHECK_FALSE(m60_by(Mix::type).fits("20"));
  CHECK_FALSE(m60_by(Mix::type).knows("20"));
}

TEST_CASE("every capacity model returns to its initial state after random takes and never exceeds it") {
  const std::vector<SizedType> sized{{"a", 1}, {"b", 3}, {"c", 7}};
  const std::vector<std::string> ids{"a", "b"};
  const std::vector<Capacity> all{m60_by(Mix::type),    m60_by(Mix::size),     m60_by(Mix::mixed),
                                  gvt({256, 4096, 32}), gvt({1024, 4096, 32}), gvt({2048, 4096, 20}),
                                  pool("x", 40, sized), counter(5, ids),       separate(sized)};
  for (std::size_t which = 0; which < all.size(); ++which) {
    for (unsigned seed = 0; seed < 50; ++seed) {
      CAPTURE(which, seed);
      std::mt19937 random(seed);
      Capacity capacity = all[which];
      std::vector<std::pair<std::string, std::uint64_t>> live;
      for (int step = 0; step < 200; ++step) {
        const std::vector<std::string> types = capacity.types();
        const std::string& type = types[random() % types.size()];
        const std::uint64_t units = 1 + random() % 3;
        if (random() % 5 < 3) {
          const bool fits = capacity.fits(type, units);
          REQUIRE(capacity.fits(type, 1) == (capacity.left(type) > 0));
          REQUIRE((!fits || capacity.left(type) > 0));
          if (fits) {
            capacity.take(type, units);
            live.emplace_back(type, units);
          }
        } else if (!live.empty()) {
          std::swap(live[random() % live.size()], live.back());
          capacity.give_back(live.back().first, live.back().second);
          live.pop_back();
        }
        for (const std::string& each : types) {
          REQUIRE(capacity.left(each) <= all[which].left(each));
        }
      }
      for (const auto& [type, units] : live) {
        capacity.give_back(type, units);
      }
      REQUIRE(capacity == all[which]);
      REQUIRE(left(capacity) == left(all[which]));
    }
  }
}
