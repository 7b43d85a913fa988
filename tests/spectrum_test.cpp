// Largest singular values, stable and effective ranks on the device, against Jacobi rotations in double precision.
#include <cmath>
#include <limits>

#include "divergence/lanczos.h"
#include "divergence/share_lines.h"
#include "divergence/symmetric_eigen.h"
#include "divergence/verify.h"
#include "dump/stack.h"
#include "gpu_fixture.h"
#include "program.h"

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

double effectiveRankOf(const Matrix& m) {
  const std::vector<double> values = singularValues(m);
  double sum = 0, entropy = 0;
  for (const double v : values) sum += v;
  for (const double v : values) entropy -= v > 0 ? v / sum * std::log(v / sum) : 0;
  return std::exp(entropy);
}

PlanOptions spectral(std::vector<std::string> metrics = {"top-singular-value", "stable-rank", "effective-rank"}) {
  PlanOptions options;
  options.metrics = std::move(metrics);
  return options;
}

/// As many halves that are 1 as anyone reads.
class Ones : public ByteSource {
 public:
  uint64_t size() const override { return uint64_t{1} << 40; }
  const std::string& name() const override { return name_; }
  void read(uint64_t, std::span<std::byte> out) const override {
    for (size_t i = 0; i < out.size(); ++i) out[i] = std::byte(i % 2 == 0 ? 0x00 : 0x3c);
  }

 private:
  std::string name_ = "ones.safetensors";
};

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
    const double effective = effectiveRankOf(matrices[i]);
    CHECK(std::abs(double(cells.at(0, int64_t(i), 0)) - largest) <= 5e-6 * largest);
    CHECK(std::abs(double(cells.at(1, int64_t(i), 0)) - rank) <= 1e-5 * rank);
    CHECK(std::abs(double(cells.at(2, int64_t(i), 0)) - effective) <= 1e-6 * effective);
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
    const Cells cells = run(checkpointOf({m}), spectral({"top-singular-value"}));
    CHECK(double(cells.at(0, 0, 0)) == Catch::Approx(std::sqrt(squares)).epsilon(5e-6));
  }
}

TEST_CASE_METHOD(GpuTest, "effective ranks of matrices whose singular values differ much", "[weights][spectrum]") {
  Random random(14);
  std::vector<Matrix> matrices;
  // Sums of few products of vectors, wide and tall, whose other singular values are what float32 rounds away; of one,
  // with values that fall through all that float32 resolves, and of sizes about the blocks of the Gram matrix.
  const auto lowRank = [&](int64_t rows, int64_t columns, int64_t rank, double decay) {
    std::vector<double> out(size_t(rows * columns), 0.0);
    double scale = 1;
    for (int64_t r = 0; r < rank; ++r, scale *= decay) {
      const std::vector<double> a = normals(random, rows, scale), b = normals(random, columns, 1);
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t k = 0; k < columns; ++k) out[size_t(i * columns + k)] += a[size_t(i)] * b[size_t(k)];
    }
    return matrixOf(rows, columns, DType::F32, out);
  };
  matrices.push_back(lowRank(200, 150, 1, 1));
  matrices.push_back(lowRank(90, 210, 5, 1));
  matrices.push_back(lowRank(128, 128, 100, 0.8));
  for (const int64_t side : {31, 32, 33, 65}) matrices.push_back(lowRank(side, 2 * side + 1, side, 0.9));
  std::vector<double> identity(70 * 70, 0.0);
  for (size_t i = 0; i < 70; ++i) identity[i * 71] = 3;
  matrices.push_back(matrixOf(70, 70, DType::BF16, identity));
  const Cells cells = run(checkpointOf(matrices), spectral());
  CHECK(cells.warnings.empty());
  for (size_t i = 0; i < matrices.size(); ++i) {
    CAPTURE(i);
    const double expected = effectiveRankOf(matrices[i]);
    CHECK(std::abs(double(cells.at(2, int64_t(i), 0)) - expected) <= 1e-4 * expected);
  }
}

TEST_CASE_METHOD(GpuTest, "an effective rank past one tile and one buffer of sums", "[weights][spectrum]") {
  // One entry in each row of a tall matrix, or each column of a wide one: where two share a column, their squares add
  // up.
  const int64_t side = 2050, count = 2100;
  std::vector<double> squares(size_t(side), 0.0);
  for (int64_t k = 0; k < count; ++k) squares[size_t(k % side)] += k % 3 == 0 ? 9 : 1;
  double sum = 0, entropy = 0;
  for (const double each : squares) sum += std::sqrt(each);
  for (const double each : squares) entropy -= std::sqrt(each) / sum * std::log(std::sqrt(each) / sum);
  for (const bool wide : {false, true}) {
    Matrix m{wide ? side : count, wide ? count : side, DType::F16, std::vector<double>(size_t(side * count), 0.0)};
    for (int64_t k = 0; k < count; ++k)
      m.values[size_t(wide ? k % side * count + k : k * side + k % side)] = k % 3 == 0 ? 3 : 1;
    const Cells cells = run(checkpointOf({m}), spectral({"effective-rank"}));
    CHECK(double(cells.at(0, 0, 0)) == Catch::Approx(std::exp(entropy)).epsilon(1e-6));
  }
}

TEST_CASE_METHOD(GpuTest, "matrices that are too large for their effective rank are named, by all processes",
                 "[weights][spectrum][ranks]") {
  std::vector<StackEntry> entries;
  for (const std::string layer : {"0", "1", "2", "3", "4"}) {
    StackEntry entry{tensorOf({"large " + layer, {{"row", 1, {}, {}, {}}}, Kind::Unknown, DType::F16, {1}}),
                     {{layer, false, {std::stod(layer)}}},
                     0,
                     layer};
    entry.tensor.shape = {layer == "3" ? 2 : 8193, 8193};
    entry.tensor.strides = stridesInC(entry.tensor.shape);
    entry.tensor.axes.clear();
    entry.tensor.source = std::make_shared<Ones>();
    entries.push_back(entry);
  }
  Dump dump;
  dump.path = "weights";
  dump.tensors.push_back(stackWhole("weights", layOut({"layer"}, entries), entries));
  dump.preferred = "weights";
  for (const int ranks : {1, 3}) {
    OneByOne together;
    Cells cells;
    for (int rank = ranks - 1; rank >= 0; --rank) {
      EvaluateOptions options;
      options.share = together.share(rank, ranks);
      options.maxRam = uint64_t{256} << 20;
      cells = run(dump, spectral({"effective-rank", "norm"}), options);
    }
    for (const int64_t layer : {0, 1, 2, 4}) CHECK(std::isnan(cells.at(0, layer, 0)));
    CHECK(cells.at(1, 0, 0) == 8193.0f);
    CHECK(cells.at(0, 3, 0) == 1.0f);
    REQUIRE(cells.warnings.size() == 1);
    CHECK(has(cells.warnings[0], "4 cells are NaN, taking more memory than the 0.2 GiB that --max-ram leaves"));
    CHECK(has(cells.warnings[0], "tensor 'large 0' [8193, 8193] (0.3 GiB)"));
    CHECK(has(cells.warnings[0], "tensor 'large 4' [8193, 8193]"));
  }
}

TEST_CASE("the first of several processes gets all lines, as far as there is room", "[ranks]") {
  OneByOne together;
  const std::string line(300, 'x');
  const Lines last = gathered(together.share(2, 3), std::vector<std::string>(40, line));
  CHECK(last.count == 40);
  CHECK(last.first == std::vector<std::string>(6, line));
  gathered(together.share(1, 3), {});
  const Lines all = gathered(together.share(0, 3), {"a", "b"});
  CHECK(all.count == 42);
  REQUIRE(all.first.size() == 8);
  CHECK(all.first[1] == "b");
  CHECK(all.first[2] == line);
  CHECK(gathered({}, {"a"}).first == std::vector<std::string>{"a"});
}

TEST_CASE("eigenvalues of symmetric matrices", "[spectrum]") {
  // Second differences: 2 - 2 cos(k pi / (n + 1)); 300 columns are worth several threads. Graded both ways.
  for (const size_t size : {1, 2, 3, 17, 300}) {
    SymmetricMatrix differences(size), graded(size), falling(size);
    for (size_t i = 0; i < size; ++i) {
      for (size_t j = 0; j <= i; ++j) {
        differences.at(i, j) = i == j ? 2 : i == j + 1 ? -1 : 0;
        graded.at(i, j) = std::pow(0.5, double(i + j));
        falling.at(size - 1 - j, size - 1 - i) = std::pow(0.5, double(i + j));
      }
    }
    std::vector<double> got = eigenvalues(std::move(differences), [](double) {});
    REQUIRE(got.size() == size);
    std::sort(got.begin(), got.end());
    for (size_t k = 0; k < size; ++k)
      CHECK(std::abs(got[k] - (2 - 2 * std::cos(double(k + 1) * M_PI / double(size + 1)))) <= 1e-14);
    // Of rank one: the trace, and zeros.
    for (SymmetricMatrix* const one : {&graded, &falling}) {
      got = eigenvalues(std::move(*one), [](double) {});
      REQUIRE(got.size() == size);
      std::sort(got.begin(), got.end());
      CHECK(got.back() == Catch::Approx((1 - std::pow(0.25, double(size))) / 0.75).epsilon(1e-14));
      for (size_t k = 0; k + 1 < size; ++k) CHECK(std::abs(got[k]) <= 1e-15);
    }
  }
}

TEST_CASE("eigenvalues are the same bits each time, and can be given up", "[spectrum]") {
  Random random(15);
  const std::vector<double> entries = normals(random, 203 * 203, 1);
  const auto filled = [&] {
    SymmetricMatrix out(203);
    for (size_t i = 0; i < 203; ++i)
      for (size_t j = 0; j <= i; ++j) out.at(i, j) = entries[i * 203 + j];
    return out;
  };
  std::vector<double> shares;
  const std::vector<double> first = eigenvalues(filled(), [&](double share) { shares.push_back(share); });
  CHECK(std::is_sorted(shares.begin(), shares.end()));
  CHECK(shares.size() == 6);
  std::vector<std::unique_ptr<char[]>> between;  // so that what is allocated lies elsewhere
  for (size_t i = 1; i < 8; ++i) {
    between.push_back(std::make_unique<char[]>(24 * i));
    CHECK(eigenvalues(filled(), [](double) {}) == first);
  }
  int calls = 0;
  const auto stop = [&](double) {
    if (++calls == 3) throw std::runtime_error("stop");
  };
  CHECK_THROWS_WITH(eigenvalues(filled(), stop), "stop");
  CHECK(calls == 3);
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
    for (const size_t metric : {0, 1, 2}) CHECK(std::isnan(cells.at(metric, row, 0)));
  CHECK(std::isnan(cells.at(2, 0, 0)));
  CHECK(cells.at(0, 3, 0) == Catch::Approx(2).epsilon(1e-6));
  CHECK(cells.at(1, 3, 0) == Catch::Approx(1.25).epsilon(1e-6));
  CHECK(cells.at(2, 3, 0) == Catch::Approx(std::exp(std::log(3) - 2 * std::log(2) / 3)).epsilon(1e-6));
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
  for (int64_t panel = 0; panel < 3; ++panel) cells.push_back(result.grid.read(context(), panel));
  CHECK(verify(plan, result.panels, cells, 3).passed());
  for (const size_t panel : {0, 1, 2}) {
    std::vector<std::vector<float>> wrong = cells;
    wrong[panel][0] *= 1.001f;
    CHECK_FALSE(verify(plan, result.panels, wrong, 3).passed());
  }
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
