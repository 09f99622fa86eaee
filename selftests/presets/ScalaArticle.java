// SPDX-License-Identifier: GPL-2.0
// The article's second program: futures on a Scala ExecutionContext that await futures on the same one. Scala's own library,
// called from Java, so that no Scala compiler is needed.
import java.io.*;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import scala.concurrent.Await;
import scala.concurrent.ExecutionContext;
import scala.concurrent.ExecutionContext$;
import scala.concurrent.Future;
import scala.concurrent.Future$;
import scala.concurrent.duration.Duration;
import scala.runtime.AbstractFunction0;

public class ScalaArticle {
	static final int N = 4;
	static final ExecutionContext context = ExecutionContext$.MODULE$.fromExecutor(Executors.newFixedThreadPool(N));
	static final CyclicBarrier all = new CyclicBarrier(N);

	static class Price extends AbstractFunction0<Integer> {
		public Integer apply() {
			return 3;
		}
	}

	static class Order extends AbstractFunction0<Integer> {
		public Integer apply() {
			try {
				all.await();
				Future<Integer> part = Future$.MODULE$.apply(new Price(), context);
				return Await.result(part, Duration.Inf());
			} catch (Exception e) {
				throw new RuntimeException(e);
			}
		}
	}

	public static void main(String[] args) throws Exception {
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));

		System.out.println("ready");
		in.readLine();
		for (int i = 0; i < N; i++)
			Future$.MODULE$.apply(new Order(), context);
		System.out.println("done");
		// No thread of the program can do anything now.
		Thread.currentThread().join();
	}
}
