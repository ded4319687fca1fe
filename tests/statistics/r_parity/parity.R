# Reference results for the parity tests, computed with R packages from Debian:
#   apt-get install r-base-core r-cran-lme4 r-cran-emmeans r-cran-clubsandwich r-cran-jsonlite
#   Rscript tests/statistics/r_parity/parity.R tests/statistics/r_parity
# Writes results.json, with the versions that were used.
suppressMessages({library(emmeans); library(lme4); library(clubSandwich); library(jsonlite); library(splines)})
here <- commandArgs(trailingOnly = TRUE)[1]
study <- read.csv(file.path(here, "study.csv"))
study$depth <- factor(study$depth)
means <- aggregate(value ~ network_id + arm + depth + method + dprime + dprime_se + pretrain_id, study, mean)
wide <- reshape(means, idvar = c("network_id", "arm", "depth", "dprime", "dprime_se", "pretrain_id"),
                timevar = "method", direction = "wide")
wide <- wide[order(wide$network_id), ]
Y <- as.matrix(wide[, c("value.m0", "value.m1", "value.m2")])
colnames(Y) <- c("m0", "m1", "m2")
at <- mean(wide$dprime)
here_at <- list(dprime = at)
frame <- function(x) as.data.frame(summary(x))
both <- function(x, ...) as.data.frame(summary(x, infer = c(TRUE, TRUE), ...))
out <- list()

total <- lm(Y ~ arm * depth, wide)
adjusted <- lm(Y ~ arm * depth + dprime, wide)
separate <- lm(Y ~ arm * depth + dprime + arm:dprime, wide)
spline <- lm(Y ~ arm * depth + ns(dprime, knots = median(dprime), Boundary.knots = range(dprime)), wide)
for (name in c("total", "adjusted", "separate", "spline")) {
  fit <- get(name)
  reference <- if (name == "total") ref_grid(fit, mult.names = "method") else
    ref_grid(fit, at = here_at, mult.names = "method")
  cells <- emmeans(reference, ~ arm * depth * method)
  arm <- emmeans(reference, ~ arm | method)
  depth <- emmeans(reference, ~ depth)
  method <- emmeans(reference, ~ method)
  out[[name]] <- list(
    cells = frame(cells),
    arm_means = frame(emmeans(reference, ~ arm)),
    arm_by_method = both(pairs(arm), adjust = "none"),
    arm_by_method_holm = frame(update(pairs(arm), by = NULL, adjust = "holm")),
    arm_by_method_fdr = frame(update(pairs(arm), by = NULL, adjust = "fdr")),
    depth_pairs = both(pairs(depth), adjust = "none"),
    depth_pairs_mvt = {set.seed(1); both(pairs(depth), adjust = "mvt")},
    depth_control = {set.seed(1); both(contrast(depth, "trt.vs.ctrl", ref = 1), adjust = "mvt")},
    depth_trend = both(contrast(depth, list(trend = c(-0.5, 0, 0.5)))),
    method_pairs_mvt = {set.seed(1); both(pairs(method), adjust = "mvt")}
  )
}
# One response: the classical analysis of covariance of one method.
one <- lm(m0 ~ arm * depth + dprime, cbind(wide[, c("arm", "depth", "dprime")], Y))
out$one_response <- list(coefficients = as.list(coef(one)), sigma = sigma(one), df = df.residual(one),
                         arm = both(pairs(emmeans(one, ~ arm, at = here_at))))

# Naive: every sample as independent.
naive <- lm(value ~ arm * depth * method, study)
out$naive <- both(pairs(emmeans(naive, ~ arm | method)), adjust = "none")

# Variance components: crossed random effects of the full table.
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6))
components <- function(fit) { v <- as.data.frame(VarCorr(fit)); setNames(as.list(v$vcov), v$grp) }
crossed <- lmer(value ~ arm * depth * method + (1 | network_id) + (1 | network_id:method) + (1 | sample) +
                  (1 | sample:method) + (1 | network_id:sample), study, control = control)
with_run <- lmer(value ~ arm * depth * method + (1 | pretrain_id) + (1 | network_id) + (1 | network_id:method) +
                   (1 | sample) + (1 | sample:method) + (1 | network_id:sample), study, control = control)
out$components <- components(crossed)
out$components_with_run <- components(with_run)

# Unbalanced: means that are there, CR2 over networks, and over pre-training runs.
holes <- read.csv(file.path(here, "unbalanced.csv"))
holes$depth <- factor(holes$depth)
means <- aggregate(value ~ network_id + arm + depth + method + dprime + pretrain_id, holes, mean)
long <- lm(value ~ arm * depth * method + method * dprime, means)
at <- mean(tapply(means$dprime, means$network_id, mean))
L <- emmeans(long, ~ arm | method, at = list(dprime = at))
D <- contrast(L, "pairwise")
cr2 <- function(cluster) {
  V <- vcovCR(long, cluster = cluster, type = "CR2")
  test <- linear_contrast(long, V, contrasts = D@linfct, test = "Satterthwaite", level = 0.95)
  data.frame(method = levels(factor(means$method)), estimate = test$Est, se = test$SE, df = test$df,
             low = test$CI_L, high = test$CI_U)
}
out$cr2_network <- cr2(means$network_id)
out$cr2_run <- cr2(means$pretrain_id)
out$cr2_at <- at

package <- function(name) as.character(packageVersion(name))
out$versions <- c(list(R = as.character(getRversion())),
                  sapply(c("emmeans", "lme4", "clubSandwich", "mvtnorm", "jsonlite"), package, simplify = FALSE))
write_json(out, file.path(here, "results.json"), digits = NA, auto_unbox = TRUE, pretty = TRUE)
