#include "divergence/metrics.h"

#include <cmath>
#include <set>

#include "catch.h"
#include "plan_dumps.h"
#include "suggest.h"

using namespace divlens;

TEST_CASE("the metric table has distinct ids and names, and each row finds itself", "[metrics]") {
  std::set<int> ids;
  std::set<std::string> names;
  for (const Metric& metric : metrics()) {
    INFO(metric.name);
    CHECK(ids.insert(metric.id).second);
    CHECK(names.insert(metric.name).second);
    CHECK(metric.sums >= 1);
    CHECK(metric.sums <= 3);
    if (metric.parameter().empty()) CHECK(parseMetric(metric.name).metric == &metric);
  }
  CHECK(ids.size() >= 4);
}

TEST_CASE("metrics carry what the figure must say about them", "[metrics]") {
  const MetricUse jsd = parseMetric("jsd"), kl = parseMetric("kl"), entropy = parseMetric("entropy");
  CHECK(jsd.metric->direction == Direction::Symmetric);
  CHECK(jsd.metric->needs == Needs::Reference);
  CHECK(jsd.metric->unit == Unit::Information);
  CHECK(jsd.text == "jsd");
  CHECK(kl.metric->direction == Direction::Directed);
  CHECK(std::string(kl.metric->symbol) == "KL");
  CHECK(entropy.metric->needs == Needs::Nothing);
  CHECK(entropy.metric->direction == Direction::None);
}

TEST_CASE("unknown metrics and parameters are refused with a suggestion", "[metrics]") {
  CHECK_REFUSED(parseMetric("jsd2"), Exit::Usage, "unknown metric 'jsd2', did you mean 'jsd'?");
  CHECK_REFUSED(parseMetric("kl-revers"), Exit::Usage, "did you mean 'kl-reverse'?");
  CHECK_REFUSED(parseMetric("wasserstein"), Exit::Usage, "known: jsd");
  CHECK_REFUSED(parseMetric(""), Exit::Usage, "unknown metric ''");
  CHECK_REFUSED(parseMetric("renyi"), Exit::Usage, "needs its parameter: --metric renyi:α");
  CHECK(parseMetric("renyi:inf").parameter == INFINITY);
  CHECK_REFUSED(parseMetric("renyi:-1"), Exit::Usage, "from 0 to inf");
  CHECK_REFUSED(parseMetric("jsd:1"), Exit::Usage, "without the ends");
  CHECK(parseMetric("jsd:0.3").parameter == 0.3);
  CHECK(parseMetric("jsd").metric != parseMetric("jsd:0.3").metric);
  CHECK_REFUSED(parseMetric("kl:0.3"), Exit::Usage, "takes no parameter");
  CHECK_REFUSED(parseMetric("entropy:"), Exit::Usage, "takes no parameter");
}

TEST_CASE("parameters are read for the rows that take one", "[metrics]") {
  for (const Metric& metric : metrics()) {
    if (metric.parameter().empty()) continue;
    const std::string stem(metric.stem());
    INFO(metric.name);
    const std::string inside = stem == "jsd" ? ":0.25" : ":2";
    const MetricUse use = parseMetric(stem + inside);
    CHECK(use.metric == &metric);
    CHECK(use.parameter == (stem == "jsd" ? 0.25F : 2.0F));
    CHECK_REFUSED(parseMetric(stem + ":x"), Exit::Usage, "must be a");
    CHECK_REFUSED(parseMetric(stem + ":0,5"), Exit::Usage, "must be a");
    CHECK_REFUSED(parseMetric(stem + ":nan"), Exit::Usage, "must be a");
  }
  CHECK(Metric{0, "renyi:α", "", "", Needs::Reference, Direction::Directed, Unit::Information, 1}.stem() == "renyi");
  CHECK(Metric{0, "renyi:α", "", "", Needs::Reference, Direction::Directed, Unit::Information, 1}.parameter() == "α");
}

TEST_CASE("the nearest name is suggested, and none that is far", "[suggest]") {
  const std::vector<std::string> names = {"jsd", "kl", "kl-reverse", "entropy", "temperature"};
  CHECK(nearest("jds", names) == "jsd");
  CHECK(nearest("JSD2", names) == "jsd");
  CHECK(nearest("entropi", names) == "entropy");
  CHECK(nearest("temp", names) == "temperature");
  CHECK(nearest("colour", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest("x", names).empty());
  CHECK(didYouMean("jds", names) == ", did you mean 'jsd'?");
  CHECK(didYouMean("colour", names).empty());
  CHECK(nearest(std::string(1 << 20, 'a'), {std::string(1 << 19, 'b')}).empty());
}

TEST_CASE("long lists are elided in the middle and keep their last", "[suggest]") {
  CHECK(listed({}).empty());
  CHECK(listed({"a", "b"}) == "a, b");
  const std::string text = listed(test::counted(100));
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring("21, … (77 more), 99"));
}
