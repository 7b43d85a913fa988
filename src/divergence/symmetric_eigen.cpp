#include "divergence/symmetric_eigen.h"

#include <cblas.h>
#include <sys/mman.h>

#include <new>

// LAPACK's routines as Fortran compilers export them, lengths of strings last.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" {
void dlatrd_(const char* uplo, const int* n, const int* panel, double* a, const int* lda, double* e, double* tau,
             double* w, const int* ldw, size_t uploLength);
void dsytd2_(const char* uplo, const int* n, double* a, const int* lda, double* d, double* e, double* tau, int* info,
             size_t uploLength);
void dsterf_(const int* n, double* d, double* e, int* info);
}
// NOLINTEND(readability-identifier-naming)

namespace divlens {
namespace {

constexpr int kPanel = 32;              // columns: LAPACK's own choice
constexpr size_t kPage = 4096;          // bytes
constexpr size_t kColumnAlignment = 8;  // entries

/// Starts at a page: kernels may sum in another order where vectors lie differently.
AlignedDoubles alignedDoubles(size_t count) {
  const size_t bytes = (count * sizeof(double) / kPage + 1) * kPage;
  AlignedDoubles out(static_cast<double*>(std::aligned_alloc(kPage, bytes)));
  if (!out) throw std::bad_alloc();
  // A huge page would hold parts of many columns, those above the diagonal too.
  madvise(out.get(), bytes, MADV_NOHUGEPAGE);
  return out;
}

}  // namespace

SymmetricMatrix::SymmetricMatrix(size_t size)
    : size_(size),
      stride_((size + kColumnAlignment - 1) / kColumnAlignment * kColumnAlignment),
      entries_(alignedDoubles(size_ * stride_)) {}

size_t SymmetricMatrix::bytes(size_t size) {
  return size * (size + 1) / 2 * sizeof(double) + size * kPage;  // a column begins within a page
}

/// LAPACK's dsytrd, panel by panel so that one need not wait for them all (it has no way to say how far it is, nor to
/// end early), then dsterf.
std::vector<double> eigenvalues(SymmetricMatrix matrix, const std::function<void(double)>& progress) {
  openblas_set_num_threads(1);  // sums depend on their number, and that on how the process was started
  const auto n = int(matrix.size()), stride = int(matrix.stride());
  std::vector<double> diagonal(matrix.size()), beside(matrix.size()), scales(matrix.size());
  const AlignedDoubles work = alignedDoubles(matrix.stride() * kPanel);
  int first = 0, failed = 0;
  for (; n - first > kPanel; first += kPanel) {
    const int left = n - first, below = left - kPanel;
    double* const panel = &matrix.at(size_t(first), size_t(first));
    dlatrd_("L", &left, &kPanel, panel, &stride, &beside[size_t(first)], &scales[size_t(first)], work.get(), &stride,
            1);
    cblas_dsyr2k(CblasColMajor, CblasLower, CblasNoTrans, below, kPanel, -1, panel + kPanel, stride,
                 work.get() + kPanel, stride, 1, panel + size_t(kPanel) * matrix.stride() + kPanel, stride);
    for (size_t i = 0; i < kPanel; ++i) diagonal[size_t(first) + i] = matrix.at(size_t(first) + i, size_t(first) + i);
    const double share = double(below) / double(n);
    progress(1 - share * share * share);
  }
  if (const int left = n - first; left > 0)
    dsytd2_("L", &left, &matrix.at(size_t(first), size_t(first)), &stride, &diagonal[size_t(first)],
            &beside[size_t(first)], &scales[size_t(first)], &failed, 1);
  dsterf_(&n, diagonal.data(), beside.data(), &failed);
  if (failed != 0) diagonal.clear();
  return diagonal;
}

}  // namespace divlens
