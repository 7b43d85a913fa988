// Largest singular values and stable ranks on the device, against Jacobi rotations in double precision.
#include <cmath>
#include <limits>

#include "divergence/lanczos.h"
#include "divergence/verify.h"
#include "dump/stack.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

struct Matrix {
  int64_t rows, columns;
  DType dtype;
  std::vector<double> values;
};

Matrix matrixOf(int64_t rows, int64_t columns, DType dtype, std::vector<double> values) {
  for (double& value : values) value = asStored(value, dtype);
  return {rows, columns, dtype, std::move(values)};
}

Dump checkpointOf(const std::vector<Matrix>& matrices) {
  std::vector<StackEntry> entries;
  for (size_t i = 0; i < matrices.size(); ++i) {
    const Matrix& m = matrices[i];
    const Array array{"matrix " + std::to_string(i),
                      {{"row", m.rows, {}, {}, {}}, {"column", m.columns, {}, {}, {}}},
                      Kind::Unknown,
                      m.dtype,
                      m.values};
    entries.push_back({tensorOf(array), {{std::to_string(i), false, {double(i)}}}, 0, array.name});
  }
  Dump dump;
  dump.path = "weights";
  dump.tensors.push_back(stackWhole("weights", layOut({"layer"}, entries), entries));
  dump.preferred = "weights";
  return dump;
}

/// All singular values by one-sided rotations (Hestenes 1958) of the shorter side's vectors.
std::vector<double> singularValues(const Matrix& m) {
  const bool wide = m.rows < m.columns;
  const auto n = size_t(wide ? m.rows : m.columns), length = size_t(wide ? m.columns : m.rows);
  std::vector<std::vector<double>> vectors(n, std::vector<double>(length));
  for (size_t i = 0; i < n; ++i)
    for (size_t k = 0; k < length; ++k)
      vectors[i][k] = m.values[wide ? i * size_t(m.columns) + k : k * size_t(m.columns) + i];
  for (int sweep = 0; sweep < 30; ++sweep) {
    bool turned = false;
    for (size_t i = 0; i < n; ++i)
      for (size_t j = i + 1; j < n; ++j) {
        double a = 0, b = 0, c = 0;
        for (size_t k = 0; k < length; ++k) {
          a += vectors[i][k] * vectors[i][k];
          b += vectors[j][k] * vectors[j][k];
          c += vectors[i][k] * vectors[j][k];
        }
        if (std::abs(c) <= 1e-14 * std::sqrt(a * b)) continue;
        turned = true;
        const double angle = 0.5 * std::atan2(2 * c, a - b), cosine = std::cos(angle), sine = std::sin(angle);
        for (size_t k = 0; k < length; ++k) {
          const double x = vectors[i][k], y = vectors[j][k];
          vectors[i][k] = cosine * x + sine * y;
          vectors[j][k] = cosine * y - sine * x;
        }
      }
    if (!turned) break;
  }
  std::vector<double> out;
  for (const std::vector<double>& vector : vectors) {
    double squares = 0;
    for (const double v : vector) squares += v * v;
    out.push_back(std::sqrt(squares));
  }
  return out;
}

double largestOf(const Matrix& m) {
  const std::vector<double> all = singularValues(m);
  return *std::max_element(all.begin(), all.end());
}

double stableRankOf(const Matrix& m) {
  double squares = 0;
  for (const double v : m.values) squares += v * v;
  return squares / std::pow(largestOf(m), 2);
}

PlanOptions spectral() {
  PlanOptions options;
  options.metrics = {"top-singular-value", "stable-rank"};
  return options;
}

}  // namespace

TEST_CASE_METHOD(GpuTest, "largest singular values meet their oracle", "[weights][spectrum]") {
  Random random(11);
  std::vector<Matrix> matrices;
  // Odd widths, wide and tall, one row or column, more rows than one sum of columns takes; tiny and huge entries.
  for (const auto& [rows, columns, scale] : std::vector<std::tuple<int64_t, int64_t, double>>{{1, 1, 3},
                                                                                              {1, 300, 1},
                                                                                              {301, 1, 1},
                                                                                              {2, 2, 1e-30},
                                                                                              {8, 8, 1},
                                                                                              {37, 41, 1e18},
                                                                                              {600, 33, 0.02},
                                                                                              {21, 1500, 0.02},
                                                                                              {96, 96, 1e-35},
                                                                                              {64, 172, 5}})
    for (const DType dtype : {DType::F32, DType::F16, DType::BF16, DType::F64}) {
      const double fitted = dtype == DType::F16 ? 1.0 : scale;
      matrices.push_back(matrixOf(rows, columns, dtype, normals(random, rows * columns, fitted)));
    }
  // Rank one, and two equal largest values.
  std::vector<double> one, twin(40 * 40, 0.0);
  for (int i = 0; i < 50 * 30; ++i) one.push_back((i / 30 + 1) * (i % 30 - 7));
  for (size_t i = 0; i < 40; ++i) twin[i * 40 + i] = i < 2 ? 7 : 1;
  matrices.push_back(matrixOf(50, 30, DType::F32, one));
  matrices.push_back(matrixOf(40, 40, DType::F32, twin));
  const Cells cells = run(checkpointOf(matrices), spectral());
  CHECK(cells.warnings.empty());
  for (size_t i = 0; i < matrices.size(); ++i) {
    CAPTURE(i, matrices[i].rows, matrices[i].columns, int(matrices[i].dtype));
    const double largest = largestOf(matrices[i]), rank = stableRankOf(matrices[i]);
    CHECK(std::abs(double(cells.at(0, int64_t(i), 0)) - largest) <= 5e-6 * largest);
    CHECK(std::abs(double(cells.at(1, int64_t(i), 0)) - rank) <= 1e-5 * rank);
  }
}

TEST_CASE_METHOD(GpuTest, "matrices past one tile, on the device and past it", "[weights][spectrum]") {
  // A diagonal beside a known rank-one part: σ₁ is known without an oracle. 9 M and 54 M elements in tiles of 16 MiB.
  for (const int64_t rows : {int64_t{3000}, int64_t{18000}}) {
    const int64_t columns = 3001;
    Matrix m{rows, columns, DType::F32, std::vector<double>(size_t(rows * columns), 0.0)};
    for (int64_t r = 0; r < rows; ++r) m.values[size_t(r * columns + r % columns)] = r == rows - 2 ? 9 : 1.0 / 16;
    // Rows that share the largest one's column add their squares.
    double squares = 0;
    for (int64_t r = (rows - 2) % columns; r < rows; r += columns) squares += r == rows - 2 ? 81.0 : 1.0 / 256;
    const Cells cells = run(checkpointOf({m}), spectral());
    CHECK(double(cells.at(0, 0, 0)) == Catch::Approx(std::sqrt(squares)).epsilon(5e-6));
  }
}

TEST_CASE_METHOD(GpuTest, "matrices without a largest singular value", "[weights][spectrum]") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const Cells cells = run(checkpointOf({{2, 2, DType::F32, {0, 0, 0, 0}},
                                        {2, 2, DType::F32, {1, nan, 0, 0}},
                                        {2, 2, DType::F32, {1, inf, 0, 0}},
                                        {2, 2, DType::F32, {1, 0, 0, 2}}}),
                          spectral());
  CHECK(cells.at(0, 0, 0) == 0.0f);
  CHECK(std::isnan(cells.at(1, 0, 0)));
  for (const int64_t row : {1, 2})
    for (const size_t metric : {0, 1}) CHECK(std::isnan(cells.at(metric, row, 0)));
  CHECK(cells.at(0, 3, 0) == Catch::Approx(2).epsilon(1e-6));
  CHECK(cells.at(1, 3, 0) == Catch::Approx(1.25).epsilon(1e-6));
}

TEST_CASE_METHOD(GpuTest, "a matrix's bits do not depend on its company", "[weights][spectrum]") {
  Random random(12);
  std::vector<Matrix> matrices;
  for (int i = 0; i < 5; ++i) matrices.push_back(matrixOf(50 + i, 70, DType::BF16, normals(random, (50 + i) * 70, 1)));
  const Dump dump = checkpointOf(matrices);
  const Cells all = run(dump, spectral());
  PlanOptions some = spectral();
  some.select = {"layer=3"};
  CHECK(run(dump, some).at(0, 0, 0) == all.at(0, 3, 0));
}

TEST_CASE_METHOD(GpuTest, "--verify knows largest singular values", "[weights][spectrum]") {
  Random random(13);
  const Dump dump = checkpointOf({matrixOf(30, 50, DType::F16, normals(random, 1500, 1))});
  const Plan plan = makePlan(dump, "", spectral());
  const Result result = evaluate(context(), plan);
  std::vector<std::vector<float>> cells;
  for (int64_t panel = 0; panel < 2; ++panel) cells.push_back(result.grid.read(context(), panel));
  CHECK(verify(plan, result.panels, cells, 2).passed());
  cells[0][0] *= 1.001f;
  CHECK_FALSE(verify(plan, result.panels, cells, 2).passed());
}

TEST_CASE("Lanczos steps say when they do not suffice", "[spectrum]") {
  // Eigenvalues so close together that five steps cannot tell them apart.
  const auto multiply = [](std::span<const double> x, std::span<double> y) {
    for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] * (1 + 0.5 * double(i) / double(x.size()));
  };
  const LargestEigenvalue early = largestEigenvalue(1000, 5, 1e-8, multiply);
  CHECK_FALSE(early.converged);
  CHECK(early.steps == 5);
  const LargestEigenvalue late = largestEigenvalue(1000, 400, 1e-8, multiply);
  CHECK(late.converged);
  CHECK(late.value == Catch::Approx(1.4995).epsilon(1e-8));
  CHECK(late.residual <= 1e-8 * late.value);
}
