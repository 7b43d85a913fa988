// --metric @FILE.glsl: what it may say, what it is worth on the device and in double precision.
#include <cmath>

#include "divergence/term_program.h"
#include "divergence/user_metric.h"
#include "divergence/user_shader.h"
#include "divergence/verify.h"
#include "dump_fixtures.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

constexpr const char* kHead = "float term(float p, float q, float lnP, float lnQ, float d) {\n";

std::string function(const std::string& body) { return kHead + body + "\n}\n"; }

double valueOf(const std::string& body, double p = 0.3, double q = 0.2) {
  return TermProgram(function(body), "t.glsl").at({p, q, std::log(p), std::log(q), std::log(q / p)});
}

std::string refusedFor(const std::string& text) {
  const auto [code, what] = refusal([&] { TermProgram(text, "t.glsl"); });
  CHECK(code == Exit::Usage);
  return what;
}

Array rows() {
  Random random(9);
  Array out{"logits",
            {axis("layer", 3), axis("token", 4), axis("vocab", 501)},
            Kind::Logits,
            DType::F32,
            normals(random, 3 * 4 * 501, 2)};
  out.values[7] = -INFINITY;
  return out;
}

}  // namespace

TEST_CASE("a term is arithmetic with the meaning of GLSL", "[term]") {
  CHECK(valueOf("return p - q;") == Catch::Approx(0.1));
  CHECK(valueOf("float m = 0.5 * (p + q); // mixture\n m = m * 2.0; return m;") == Catch::Approx(0.5));
  CHECK(valueOf("if (p > q && !(d > 0.0)) { return 1.0; } else return 2.0;") == 1);
  CHECK(valueOf("return p < q || p == 0.0 ? 1.0 : -2.0;") == -2);
  CHECK(valueOf("return 1.0 - 2.0 - 3.0;") == -4);
  CHECK(valueOf("return -p * 2.f / 4.;") == Catch::Approx(-0.15));
  CHECK(valueOf("const float a = max(p, 0.25); { float b = a; return min(b, 1e3); }") == Catch::Approx(0.3));
  CHECK(valueOf("if (d < 0.0) { if (p > 9.0) return 7.0; } return expm1(0.0) + sqrt(4.0) + pow(2.0, 3.0);") == 10);
}

TEST_CASE("nothing but arithmetic can be said, and errors point at line and column", "[term]") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(refusedFor(function("  return foo(p);")), ContainsSubstring("line 2, column 10: 'foo' is not known"));
  CHECK_THAT(refusedFor(function("  return foo(p);")), ContainsSubstring("\n    return foo(p);\n           ^"));
  CHECK_THAT(refusedFor("#extension GL_EXT_debug_printf : enable\n" + function("return p;")),
             ContainsSubstring("column 1: '#'"));
  for (const char* body : {"while (true) {} return p;",
                           "for (;;) {} return p;",
                           "buffer b; return p;",
                           "imageStore(x, p); return p;",
                           "return gl_NumWorkGroups;",
                           "return p[0];",
                           "return p.x;",
                           "float p = 1.0; return p;",
                           "float log = 1.0; return p;",
                           "return p",
                           "return p; return q;",
                           "if (p) return p; return q;",
                           "return p > q;",
                           "return (p > q) + 1.0;",
                           "p = q;",
                           "if (p > q) return p;",
                           "return max(p);",
                           "return 1e999;",
                           "int i = 1; return p;",
                           "return p & q;",
                           "discard;",
                           "return p; } float g() { return 1.0;",
                           "return p;\n/* no end",
                           "x = 1.0; return p;"}) {
    INFO(body);
    CHECK_THAT(refusedFor(function(body)), ContainsSubstring("line "));
  }
  refusedFor("");
  refusedFor("float other(float p) { return p; }");
  refusedFor(function("return " + std::string(5000, '(') + "p" + std::string(5000, ')') + ";"));
  refusedFor(std::string(70000, ' '));
}

TEST_CASE_METHOD(GpuTest, "a term of the user's own is summed as in double precision", "[gpu][term]") {
  const TempDir folder;
  const std::string kl = folder.write(
      "kl.glsl",
      function("if (lnP < -1e30) return q;\nfloat b = abs(d) < 0.02 ? 0.5 * d * d + d * d * d / 6.0 : expm1(d) - d;\n"
               "return p * b;"));
  const std::string own =
      folder.write("triangle.glsl", function("float s = p + q;\nreturn s > 0.0 ? (p - q) * (p - q) / s : 0.0;"));
  const Dump dump = dumpOf({rows()});
  const Cells truth = run(dump, {.metrics = {"kl"}, .reference = "layer=2"});
  const Cells got = run(dump, {.metrics = {"@" + kl}, .reference = "layer=2"});
  for (size_t i = 0; i < truth.panels[0].size(); ++i) {
    if (std::isinf(truth.panels[0][i])) continue;
    CHECK(double(got.panels[0][i]) == Catch::Approx(double(truth.panels[0][i])).epsilon(2e-5));
  }
  const Plan plan = makePlan(dump, "", {.metrics = {"@" + own}, .reference = "layer=2"});
  checkUserMetrics(context(), plan);
  const Result result = evaluate(context(), plan);
  const Verification v = verify(plan, result.panels, {result.grid.read(context(), 0)}, 100);
  CHECK(v.values == 12);
  CHECK(v.largest < 1e-5);
  CHECK(std::string(plan.metrics[0].metric->symbol) == "triangle");
}

TEST_CASE_METHOD(GpuTest, "a term that single precision ruins is refused; infinite and NaN terms are seen",
                 "[gpu][term]") {
  const TempDir folder;
  const Dump dump = dumpOf({rows()});
  const auto planOf = [&](const std::string& body) {
    return makePlan(dump, "", {.metrics = {"@" + folder.write("t.glsl", function(body))}, .reference = "layer=2"});
  };
  const Plan cancels = planOf("return p * ((1e6 + lnP) - (1e6 + lnQ));");
  CHECK_REFUSED(checkUserMetrics(context(), cancels), Exit::Usage, "in single precision");
  const auto first = [&](const std::string& body) {
    const Plan plan = planOf(body);
    return evaluate(context(), plan).grid.read(context(), 0)[0];
  };
  CHECK(std::isinf(first("return lnQ < -1e30 ? 1.0 / (p - p) : 0.0;")));
  CHECK(std::isnan(first("return lnQ < -1e30 ? sqrt(-1.0) : 0.0;")));
  CHECK_REFUSED(planOf("return pq;"), Exit::Usage, "line 2");
  CHECK(planOf("return p * q;").metrics.front().shown() == "@t.glsl");  // no folder reaches a figure
  CHECK_REFUSED(makePlan(dump, "", {.metrics = {"@/nowhere/t.glsl"}}), Exit::Usage, "t.glsl");
}
