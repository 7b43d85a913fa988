#include "app/ranks.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>

#include "app/session.h"
#include "error.h"

#ifdef DIVLENS_MPI
#include <mpi.h>
#endif

namespace divlens {
namespace {

/// The number in the first of these environment variables that holds one, or `otherwise`.
int numberFrom(std::initializer_list<const char*> names, int otherwise) {
  for (const char* name : names) {
    const char* text = std::getenv(name);
    int value = 0;
    if (text && std::from_chars(text, text + std::strlen(text), value).ec == std::errc()) return value;
  }
  return otherwise;
}

// Open MPI's mpirun, MPICH's and Slurm's PMI, and PMIx name a process so; nothing else starts MPI.
int rankInEnvironment() { return numberFrom({"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"}, -1); }
// A step's own count: SLURM_NTASKS may be that of the whole batch script.
int countInEnvironment() { return numberFrom({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}, 1); }

/// Whether this process has refused to run as one of several that cannot find each other.
bool refusedAsLoose = false;
int taskOfSlurm() { return numberFrom({"SLURM_PROCID"}, 0); }

/// srun without an MPI plugin: each process would take itself for the only one, and all would write the same outputs.
/// A batch script is no step of several tasks, whatever it may start.
void refuseLooseTasks() {
  const int count = numberFrom({"SLURM_STEP_NUM_TASKS"}, 1);
  if (rankInEnvironment() >= 0 || count < 2) return;
  refusedAsLoose = true;
  throw Error(Exit::Usage,
              fmt::format("srun started {} processes that cannot find each other; use srun --mpi=pmix or mpirun to "
                          "share the work, srun -n 1 for one process, or unset SLURM_STEP_NUM_TASKS where each has "
                          "work and outputs of its own",
                          count));
}

}  // namespace

bool speaksFor(Exit code) {
  if (refusedAsLoose) return taskOfSlurm() == 0;
  const int rank = rankInEnvironment();
  if (rank <= 0) return true;
  if (code == Exit::Terminated) return rank == 1;
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  return interruptFlag() == 0;
}

#ifdef DIVLENS_MPI

bool Ranks::available() { return true; }

Ranks::Ranks() {
  refuseLooseTasks();
  if (rankInEnvironment() < 0) return;
  int level = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level);
  started_ = true;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &count_);
  if (count_ == 1 && countInEnvironment() > 1)
    throw Error(Exit::Usage,
                fmt::format("the launcher started {} processes, but MPI sees each of them alone; use mpirun, "
                            "or srun --mpi=pmix",
                            countInEnvironment()));
  MPI_Comm local = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &local);
  MPI_Comm_rank(local, &localRank_);
  MPI_Comm_free(&local);
}

Ranks::~Ranks() {
  if (!started_ || std::uncaught_exceptions() > 0) return;
  // The first process may still fail; nobody listens to our flag any more then.
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  MPI_Finalize();
}

void Ranks::combine(std::span<uint32_t> bits) const {
  MPI_Request request = MPI_REQUEST_NULL;
  if (rank_ == 0)
    MPI_Ireduce(MPI_IN_PLACE, bits.data(), int(bits.size()), MPI_UINT32_T, MPI_BOR, 0, MPI_COMM_WORLD, &request);
  else
    MPI_Ireduce(bits.data(), nullptr, int(bits.size()), MPI_UINT32_T, MPI_BOR, 0, MPI_COMM_WORLD, &request);
  // Waiting inside MPI would go on for ever when a process is lost: the launcher tells the others by a signal.
  for (int done = 0; done == 0;) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    const int signal = interruptFlag().load();
    if (signal != 0)
      throw Error(signal == SIGTERM ? Exit::Terminated : Exit::Interrupted, "interrupted; nothing was written");
    if (done == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

void abandonRanks(int code) {
  int started = 0, ended = 0;
  MPI_Initialized(&started);
  MPI_Finalized(&ended);
  if (started != 0 && ended == 0) MPI_Abort(MPI_COMM_WORLD, code);
}

#else

bool Ranks::available() { return false; }

Ranks::Ranks() {
  refuseLooseTasks();
  if (rankInEnvironment() >= 0 && countInEnvironment() > 1)
    throw Error(Exit::Usage,
                fmt::format("the launcher started {} processes, but this divlens was built without MPI; start "
                            "one, or install libopenmpi-dev and build again",
                            countInEnvironment()));
}

Ranks::~Ranks() = default;

void Ranks::combine(std::span<uint32_t>) const {}

void abandonRanks(int) {}

#endif

}  // namespace divlens
