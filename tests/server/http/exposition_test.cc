#include "server/http/metrics/exposition.h"

#include <gtest/gtest.h>

namespace server::http {
namespace {

TEST(Exposition, has_families_with_their_samples) {
  Exposition page;
  page.family("up", Exposition::Kind::Gauge, "Whether it is.");
  page.sample(1);
  page.family("bytes_total", Exposition::Kind::Counter, "How many.");
  page.sample(uint64_t{18'446'744'073'709'551'615u}, {{"topic", "a"}, {"partition", "0"}});
  page.sample(-0.5, {{"topic", "say \"hi\"\n\\"}});
  EXPECT_EQ(
      page.take(),
      "# HELP up Whether it is.\n# TYPE up gauge\nup 1\n"
      "# HELP bytes_total How many.\n# TYPE bytes_total counter\n"
      "bytes_total{topic=\"a\",partition=\"0\"} 18446744073709551615\n"
      "bytes_total{topic=\"say \\\"hi\\\"\\n\\\\\"} -0.5\n"
      "# HELP millrace_metrics_samples_left_out Samples that this page omits because a family "
      "has at most 20000.\n# TYPE millrace_metrics_samples_left_out gauge\n"
      "millrace_metrics_samples_left_out 0\n");
}

TEST(Exposition, a_family_has_a_bound) {
  Exposition page;
  page.family("many", Exposition::Kind::Gauge, "Many.");
  for (size_t i = 0; i < Exposition::kMaxSamples + 3; ++i) page.sample(i);
  page.family("few", Exposition::Kind::Gauge, "Few.");
  page.sample(7);
  const std::string text = page.take();
  EXPECT_NE(text.find("many 19999\n"), std::string::npos);
  EXPECT_EQ(text.find("many 20000\n"), std::string::npos);
  EXPECT_NE(text.find("few 7\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("millrace_metrics_samples_left_out 3\n"));
}

}  // namespace
}  // namespace server::http
