// SPDX-License-Identifier: GPL-2.0
// The article's second program, in Java: tasks of a fixed executor that wait for tasks of the same executor. Says "ready", then
// does what it is told, a line at a time.
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.*;
import java.io.*;

public class JvmArticle {
	static final int N = 4;
	static final ExecutorService fixed = Executors.newFixedThreadPool(N);

	static int price(int item) {
		return item * 3;
	}

	static class Price implements Callable<Integer> {
		public Integer call() {
			return price(1);
		}
	}

	// Waits for a task of the executor that runs it.
	static class Order implements Callable<Integer> {
		final ExecutorService executor;
		final CyclicBarrier all;
		final long limit; // seconds; 0: none

		Order(ExecutorService executor, CyclicBarrier all, long limit) {
			this.executor = executor;
			this.all = all;
			this.limit = limit;
		}

		Integer total() throws Exception {
			Future<Integer> part = executor.submit(new Price());
			return limit > 0 ? part.get(limit, TimeUnit.SECONDS)
					 : part.get();
		}

		public Integer call() throws Exception {
			all.await();
			return total();
		}
	}

	static void nest(ExecutorService e, int n, long limit) throws Exception {
		CyclicBarrier all = new CyclicBarrier(n);

		for (int i = 0; i < n; i++)
			e.submit(new Order(e, all, limit));
	}

	// A fork-join pool helps and compensates where it knows of a wait; of these it does not.
	static int latch(ForkJoinPool e, CyclicBarrier all) throws Exception {
		CountDownLatch done = new CountDownLatch(1);

		all.await();
		e.execute(done::countDown);
		done.await();
		return 0;
	}

	static void forkJoin(boolean latches) throws Exception {
		ForkJoinPool e = new ForkJoinPool(N);
		CyclicBarrier all = new CyclicBarrier(N);

		for (int i = 0; i < N; i++) {
			int item = i;
			e.submit(() -> {
				if (latches)
					return latch(e, all);
				FutureTask<Integer> part = new FutureTask<>(() -> price(item));
				all.await();
				e.execute(part);
				return part.get();
			});
		}
	}

	static void completable() throws Exception {
		CyclicBarrier all = new CyclicBarrier(N);

		for (int i = 0; i < N; i++) {
			int item = i;
			fixed.submit(() -> {
				all.await();
				return CompletableFuture.supplyAsync(() -> price(item), fixed).join();
			});
		}
	}

	// The tasks have been done, the workers wait for more.
	static void idle() throws Exception {
		CyclicBarrier all = new CyclicBarrier(N);
		List<Future<Integer>> tasks = new ArrayList<>();

		for (int i = 0; i < N; i++)
			tasks.add(fixed.submit(() -> all.await()));
		for (Future<Integer> t : tasks)
			t.get();
	}

	// All workers wait for tasks of another executor, which is at work on them.
	static void busy() throws Exception {
		ExecutorService other = Executors.newFixedThreadPool(N);

		for (int i = 0; i < N; i++)
			fixed.submit(() -> other.submit(() -> {
				for (long n = 0;; n++)
					if (n % 1000000 == 0)
						Thread.sleep(10);
			}).get());
	}

	// All workers wait, but for what another thread may do at any time: the program is kept alive like that.
	static void keepAlive() throws Exception {
		CountDownLatch end = new CountDownLatch(1);
		CyclicBarrier all = new CyclicBarrier(N + 1);

		for (int i = 0; i < N; i++)
			fixed.submit(() -> {
				all.await();
				end.await();
				return 0;
			});
		all.await();
	}

	// Workers that are parked for something that is not a result.
	static void locked() throws Exception {
		BlockingQueue<Integer> queue = new LinkedBlockingQueue<>();

		for (int i = 0; i < N; i++)
			fixed.submit(() -> queue.take());
	}

	public static void main(String[] args) throws Exception {
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		String line;

		System.out.println("ready");
		while ((line = in.readLine()) != null) {
			switch (line.replace(" quiet", "")) {
			case "nest":
				nest(fixed, N, 0);
				break;
			case "timed":
				nest(fixed, N, 10);
				break;
			case "single":
				nest(Executors.newSingleThreadExecutor(), 1, 0);
				break;
			case "forkjoin":
				forkJoin(false);
				break;
			case "latch":
				forkJoin(true);
				break;
			case "completable":
				completable();
				break;
			case "idle":
				idle();
				break;
			case "busy":
				busy();
				break;
			case "keepalive":
				keepAlive();
				break;
			case "locked":
				locked();
				break;
			}
			System.out.println("done");
			// From now on no thread of the program can do anything.
			if (line.endsWith("quiet"))
				new CountDownLatch(1).await();
		}
	}
}
